import { IsleError, notFound, unsupported } from "../../base/error.ts";
import { hostPlatform } from "../../base/platform.ts";
import type { BuildOutcome } from "../../engine/build/build-image.ts";
import { parseCacheTarget } from "../../engine/build/cache/cache-words.ts";
import { cacheUsage } from "../../engine/build/cache-usage.ts";
import type { BuildDeps } from "../../engine/build/deps.ts";
import { type BuildOutput, parseOutput } from "../../engine/build/outputs/output.ts";
import { type Call, type Methods, onlyMessage } from "../grpc/grpc-server.ts";
import { ActiveBuild } from "./active-build.ts";
import { listenHistory, replayStatus, updateHistory } from "./history.ts";
import { codec } from "./messages.ts";
import { askFrontend, runFrontend } from "./run-frontend.ts";
import type { Sessions } from "./sessions.ts";
import type { StatusUpdate } from "./status-writer.ts";

type Texts = Record<string, string>;

interface Words {
  readonly Type: string;
  readonly Attrs: Texts;
}

interface ControlSolve {
  readonly Ref: string;
  readonly Definition: Uint8Array;
  readonly ExporterOld: string;
  readonly ExporterAttrsOld: Texts;
  readonly Session: string;
  readonly Frontend: string;
  readonly FrontendAttrs: Texts;
  readonly Cache: { readonly Exports: Words[] } | null;
  readonly Entitlements: string[];
  readonly Exporters: Words[];
}

interface GatewaySolve {
  readonly Definition: Uint8Array;
  readonly Frontend: string;
  readonly FrontendOpt: Texts;
}

interface Result {
  readonly ref?: { readonly id: string } | null;
  readonly metadata?: Record<string, Uint8Array>;
}

const codecs = {
  solve: codec<ControlSolve>("ControlSolveRequest"),
  solved: codec<{ ExporterResponse: Texts }>("ControlSolveResponse"),
  status: codec<{ Ref: string }>("StatusRequest"),
  update: codec<StatusUpdate>("StatusResponse"),
  workers: codec<{ record: object[] }>("ListWorkersResponse"),
  info: codec<{ buildkitVersion: object }>("InfoResponse"),
  pong: codec<{ FrontendAPICaps: object[]; LLBCaps: object[]; Workers: object[] }>("PongResponse"),
  gatewaySolve: codec<GatewaySolve>("GatewaySolveRequest"),
  gatewaySolved: codec<{ ref: string; result: Result }>("GatewaySolveResponse"),
  return: codec<{ result: Result | null; error: { message: string } | null }>("ReturnRequest"),
  usage: codec<{ record: object[] }>("DiskUsageResponse"),
  empty: codec<object>("Empty"),
};

/** What clients look for before they ask for something. */
const gatewayCapabilities = [
  ...["solve.base", "solve.inlinereturn", "resolveimage", "readfile", "return", "returnmap", "pingworkers"],
  ...["proto.refarray", "reference.output", "frontend.inputs", "gateway.solve.metadata", "importcaches"],
].map((ID) => ({ ID, Enabled: true }));

/** What clients look for before they describe outputs. */
const solveCapabilities = ["exporter.multiple", "exporter.image.attestations"].map((ID) => ({ ID, Enabled: true }));

const buildIdHeader = "buildkit-controlapi-buildid";

/** Builds under way, by the reference their client gave them. */
export class Builds {
  readonly #active = new Map<string, ActiveBuild>();
  readonly #waiting = new Map<string, Array<(build: ActiveBuild) => void>>();

  add(build: ActiveBuild): () => void {
    this.#active.set(build.ref, build);
    for (const tell of this.#waiting.get(build.ref) ?? []) tell(build);
    this.#waiting.delete(build.ref);
    return () => void this.#active.delete(build.ref);
  }

  has(ref: string): boolean {
    return this.#active.has(ref);
  }

  /** A client asks about its build on a call of its own, which may come first. */
  get(ref: string): Promise<ActiveBuild> {
    const active = this.#active.get(ref);
    if (active) return Promise.resolve(active);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(notFound(`no such build: ${ref}`)), 5000);
      const tell = (build: ActiveBuild): void => {
        clearTimeout(timer);
        resolve(build);
      };
      this.#waiting.set(ref, [...(this.#waiting.get(ref) ?? []), tell]);
    });
  }
}

export interface BuildkitParts {
  readonly deps: BuildDeps;
  readonly sessions: Sessions;
  readonly builds: Builds;
  readonly version: string;
}

/** The services of BuildKit that its clients build with. */
export function buildkitMethods(parts: BuildkitParts): Methods {
  const control = (name: string): string => `/moby.buildkit.v1.Control/${name}`;
  const gateway = (name: string): string => `/moby.buildkit.v1.frontend.LLBBridge/${name}`;
  return {
    [control("ListWorkers")]: async (call) => call.send(codecs.workers.encode({ record: [workerOf(parts)] })),
    [control("Info")]: async (call) => call.send(codecs.info.encode({ buildkitVersion: versionOf(parts) })),
    [control("Solve")]: (call) => solve(parts, call),
    [control("Status")]: (call) => status(parts, call),
    [control("ListenBuildHistory")]: (call) => listenHistory(parts.deps, call),
    [control("UpdateBuildHistory")]: (call) => updateHistory(parts.deps, call),
    [control("DiskUsage")]: async (call) => call.send(codecs.usage.encode({ record: usageOf(parts) })),
    [gateway("Ping")]: async (call) => call.send(pong(parts)),
    [gateway("Solve")]: (call) => gatewaySolve(parts, call),
    [gateway("Return")]: (call) => gatewayReturn(parts, call),
  };
}

const versionOf = ({ version }: BuildkitParts) => ({ package: "isle", version: `v${version}`, revision: "" });

function workerOf(parts: BuildkitParts) {
  const { os, architecture, variant = "" } = hostPlatform();
  const platforms = [{ OS: os, Architecture: architecture, Variant: variant }];
  return {
    ID: "isle",
    // With a snapshotter's name, clients ask for all outputs; without, for what Docker's old image store can do.
    Labels: {
      "org.mobyproject.buildkit.worker.executor": "isle",
      "org.mobyproject.buildkit.worker.snapshotter": "overlayfs",
    },
    platforms,
    version: versionOf(parts),
  };
}

const pong = (parts: BuildkitParts): Uint8Array =>
  codecs.pong.encode({ FrontendAPICaps: gatewayCapabilities, LLBCaps: solveCapabilities, Workers: [workerOf(parts)] });

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
      runFrontendOf(parts, build, request.Frontend, request.FrontendAttrs).then(
        (outcome) => build.return(outcome),
        (error: unknown) => build.fail(error),
      );
    }
    const outcome = await build.returned;
    call.send(codecs.solved.encode({ ExporterResponse: { ...outcome?.facts } }));
  } catch (error) {
    build.fail(error);
    throw error;
  } finally {
    build.end();
    // Its status may be asked for after its end.
    setTimeout(remove, 10_000).unref();
  }
}

function refuseUnsupported(request: ControlSolve): void {
  if (request.Definition.length > 0) throw unsupported("builds described by LLB", { hint: "build a Dockerfile" });
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
    call.send(codecs.update.encode(update));
  }
}

function refuseOtherFrontends(frontend: string): void {
  if (frontend === "dockerfile.v0") return;
  throw unsupported(`the frontend ${frontend}`, { hint: "build a Dockerfile without a syntax image" });
}

async function runFrontendOf(
  parts: BuildkitParts,
  build: ActiveBuild,
  frontend: string,
  attributes: Texts,
): Promise<BuildOutcome> {
  refuseOtherFrontends(frontend);
  const session = await parts.sessions.get(build.session);
  return await runFrontend(parts.deps, build, { session, attributes });
}

const buildOf = ({ builds }: BuildkitParts, { headers }: Call): Promise<ActiveBuild> =>
  builds.get(String(headers[buildIdHeader] ?? ""));

async function gatewaySolve(parts: BuildkitParts, call: Call): Promise<void> {
  const request = codecs.gatewaySolve.decode(await onlyMessage(call));
  const build = await buildOf(parts, call);
  if (request.Definition.length > 0 || request.Frontend === "") {
    if (request.Frontend === "" && request.Definition.length === 0) {
      call.send(codecs.gatewaySolved.encode({ result: {} }));
      return;
    }
    throw unsupported("builds described by LLB", { hint: "build a Dockerfile" });
  }
  if (request.FrontendOpt["requestid"]) {
    call.send(codecs.gatewaySolved.encode({ result: { metadata: await answerOf(parts, build, request) } }));
    return;
  }
  const outcome = await runFrontendOf(parts, build, request.Frontend, request.FrontendOpt);
  const { id, configBytes } = outcome.image;
  build.results.set(id, outcome);
  const metadata = { "containerimage.config": configBytes };
  call.send(codecs.gatewaySolved.encode({ result: { ref: { id }, metadata } }));
}

/** A question about the Dockerfile is answered by what goes with an empty result. */
async function answerOf(
  { deps, sessions }: BuildkitParts,
  build: ActiveBuild,
  { Frontend, FrontendOpt }: GatewaySolve,
): Promise<Record<string, Uint8Array>> {
  refuseOtherFrontends(Frontend);
  const session = await sessions.get(build.session);
  const { json, text, statusCode } = await askFrontend(deps, build, { session, attributes: FrontendOpt });
  return {
    "result.json": Buffer.from(JSON.stringify(json)),
    "result.txt": Buffer.from(text),
    "result.statuscode": Buffer.from(String(statusCode)),
    version: Buffer.from("1.0.0"),
  };
}

async function gatewayReturn(parts: BuildkitParts, call: Call): Promise<void> {
  const { result, error } = codecs.return.decode(await onlyMessage(call));
  const build = await buildOf(parts, call);
  if (error) build.fail(new IsleError("invalid", error.message));
  else build.return(build.results.get(result?.ref?.id ?? ""));
  call.send(codecs.empty.encode({}));
}

const usageOf = ({ deps }: BuildkitParts): object[] =>
  cacheUsage(deps).map(({ id, description, sizeBytes, parent, type, uses, inUse }) => ({
    ...{ ID: id, Description: description, Size: sizeBytes, UsageCount: uses, RecordType: type },
    ...{ InUse: inUse, Parents: parent ? [parent] : [] },
  }));
