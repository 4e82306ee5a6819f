import { unsupported } from "../../base/error.ts";
import { parseCacheTarget } from "../../engine/build/cache/cache-words.ts";
import { type BuildOutput, parseOutput } from "../../engine/build/outputs/output.ts";
import { type Call, type Methods, onlyMessage } from "../grpc/grpc-server.ts";
import { ActiveBuild } from "./active-build.ts";
import { buildFailure } from "./build-failure.ts";
import { pruneCache, tellUsage } from "./cache-records.ts";
import { callSession } from "./control-session.ts";
import { type Definition, isEmptyDefinition } from "./definitions.ts";
import { gatewayMethods, runFrontendOf } from "./gateway.ts";
import { listenHistory, replayStatus, updateHistory } from "./history.ts";
import { contentMethods } from "./history-blobs.ts";
import { codec } from "./messages.ts";
import { type BuildkitParts, versionOf, workerOf } from "./parts.ts";
import { encodeUpdate } from "./status-update.ts";

type Texts = Record<string, string>;

interface Words {
  readonly Type: string;
  readonly Attrs: Texts;
}

interface ControlSolve {
  readonly Ref: string;
  readonly Definition: Definition | null;
  readonly ExporterOld: string;
  readonly ExporterAttrsOld: Texts;
  readonly Session: string;
  readonly Frontend: string;
  readonly FrontendAttrs: Texts;
  readonly FrontendInputs: Record<string, Definition>;
  readonly Cache: { readonly Exports: Words[] } | null;
  readonly Entitlements: string[];
  readonly SourcePolicy: Uint8Array;
  readonly Exporters: Words[];
}

const codecs = {
  solve: codec<ControlSolve>("ControlSolveRequest"),
  solved: codec<{ ExporterResponse: Texts }>("ControlSolveResponse"),
  status: codec<{ Ref: string }>("StatusRequest"),
  workers: codec<{ record: object[] }>("ListWorkersResponse"),
  info: codec<{ buildkitVersion: object }>("InfoResponse"),
};

/** The services of BuildKit that its clients build with. */
export function buildkitMethods(parts: BuildkitParts): Methods {
  const control = (name: string): string => `/moby.buildkit.v1.Control/${name}`;
  return {
    [control("ListWorkers")]: async (call) => call.send(codecs.workers.encode({ record: [workerOf(parts)] })),
    [control("Info")]: async (call) => call.send(codecs.info.encode({ buildkitVersion: versionOf(parts) })),
    [control("Solve")]: (call) => solve(parts, call),
    [control("Status")]: (call) => status(parts, call),
    [control("ListenBuildHistory")]: (call) => listenHistory(parts, call),
    [control("UpdateBuildHistory")]: (call) => updateHistory(parts.deps, call),
    [control("DiskUsage")]: (call) => tellUsage(parts.deps, call),
    [control("Prune")]: (call) => pruneCache(parts.deps, call),
    [control("Session")]: (call) => callSession(call, parts.holdSession),
    ...contentMethods(parts),
    ...gatewayMethods(parts),
  };
}

/** Lasts as long as the build: the client's own part runs over the gateway meanwhile, or a frontend is named here. */
async function solve(parts: BuildkitParts, call: Call): Promise<void> {
  const request = codecs.solve.decode(await onlyMessage(call));
  const build = new ActiveBuild({
    ref: request.Ref,
    session: request.Session,
    outputs: outputsOf(request),
    cacheTo: (request.Cache?.Exports ?? []).map(({ Type, Attrs }) =>
      parseCacheTarget({ type: Type, attributes: Attrs }),
    ),
    entitlements: request.Entitlements,
    signal: call.signal,
  });
  const remove = parts.builds.add(build);
  try {
    refuseUnsupported(request);
    if (request.Frontend !== "") {
      const { Frontend: frontend, FrontendAttrs: attributes, FrontendInputs: inputs } = request;
      runFrontendOf(parts, build, { frontend, attributes, inputs }).then(
        (outcome) => build.return(outcome),
        (error: unknown) => build.fail(error),
      );
    }
    const outcome = await build.returned;
    call.send(codecs.solved.encode({ ExporterResponse: { ...outcome?.facts } }));
  } catch (error) {
    build.fail(error);
    throw buildFailure(build.failure ?? error);
  } finally {
    build.end();
    // Its status may be asked for after its end.
    setTimeout(remove, 10_000).unref();
    await parts.results.remove(build.references);
  }
}

function refuseUnsupported(request: ControlSolve): void {
  if (request.SourcePolicy.length > 0) throw unsupported("a source policy", { hint: "name images by their digests" });
  if (!isEmptyDefinition(request.Definition))
    throw unsupported("builds described by LLB", { hint: "build a Dockerfile" });
}

/** The outputs that were asked for; older clients name one in another place. */
function outputsOf({ Exporters, ExporterOld, ExporterAttrsOld }: ControlSolve): BuildOutput[] {
  const old = ExporterOld === "" ? [] : [{ Type: ExporterOld, Attrs: ExporterAttrsOld }];
  return (Exporters.length > 0 ? Exporters : old).map(({ Type, Attrs }) =>
    parseOutput({ type: Type, attributes: Attrs }, []),
  );
}

async function status({ builds, deps }: BuildkitParts, call: Call): Promise<void> {
  const { Ref } = codecs.status.decode(await onlyMessage(call));
  if (!builds.has(Ref) && deps.journal.has(Ref)) return await replayStatus(deps, Ref, call);
  const build = await builds.get(Ref);
  for await (const update of build.updates()) {
    if (call.signal.aborted) return;
    call.send(encodeUpdate(update));
  }
}
