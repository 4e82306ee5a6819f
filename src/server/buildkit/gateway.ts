import { basename } from "node:path";
import { IsleError, unsupported } from "../../base/error.ts";
import { formatPlatform } from "../../base/platform.ts";
import { withoutPassword } from "../../core/build/git-url.ts";
import { isBuiltInSyntax } from "../../core/build/syntax.ts";
import type { BuildOutcome } from "../../engine/build/build-image.ts";
import { foreignSyntax } from "../../engine/build/prepared-build.ts";
import { isRemote, remoteContext } from "../../engine/build/remote-context.ts";
import { type Call, type Methods, onlyMessage } from "../grpc/grpc-server.ts";
import type { ActiveBuild } from "./active-build.ts";
import { buildFailure } from "./build-failure.ts";
import { type Definition, isEmptyDefinition, sourceOf } from "./definitions.ts";
import { type FrontendParts, remoteAccess } from "./frontend-input.ts";
import { linkedAttributes, urlOf } from "./frontend-links.ts";
import { codec } from "./messages.ts";
import { type BuildkitParts, workerOf } from "./parts.ts";
import { resultMethods } from "./result-files.ts";
import { askFrontend, runFrontend } from "./run-frontend.ts";

type Texts = Record<string, string>;

interface GatewaySolve {
  readonly Definition: Definition | null;
  readonly Frontend: string;
  readonly FrontendOpt: Texts;
  readonly FrontendInputs: Record<string, Definition>;
}

interface Reference {
  readonly id: string;
  readonly def?: Definition;
}

interface Result {
  readonly ref?: Reference | null;
  readonly refs?: { readonly refs: Record<string, Reference> } | null;
  readonly metadata?: Record<string, Uint8Array>;
}

const codecs = {
  pong: codec<{ FrontendAPICaps: object[]; LLBCaps: object[]; Workers: object[] }>("PongResponse"),
  solve: codec<GatewaySolve>("GatewaySolveRequest"),
  solved: codec<{ ref: string; result: Result }>("GatewaySolveResponse"),
  return: codec<{ result: Result | null; error: { message: string } | null }>("ReturnRequest"),
  empty: codec<object>("Empty"),
};

/** What clients look for before they ask for something. */
const gatewayCapabilities = [
  ...["solve.base", "solve.inlinereturn", "resolveimage", "readfile", "return", "returnmap", "pingworkers"],
  ...[
    "proto.refarray",
    "reference.output",
    "gateway.evaluate",
    "statfile",
    "frontend.inputs",
    "gateway.solve.metadata",
    "importcaches",
  ],
].map((ID) => ({ ID, Enabled: true }));

/** What clients look for before they describe outputs, and repositories to read from. */
const solveCapabilities = [
  ...["exporter.multiple", "exporter.image.attestations", "constraints", "platform", "meta.description"],
  ...["source.git", "source.git.fullurl", "source.git.keepgitdir", "source.git.subdir", "source.git.httpauth"],
  ...["source.git.knownsshhosts", "source.git.mountsshsock", "source.http"],
].map((ID) => ({ ID, Enabled: true }));

const buildIdHeader = "buildkit-controlapi-buildid";

/** What a client's own part of a build asks for. */
export function gatewayMethods(parts: BuildkitParts): Methods {
  const gateway = (name: string): string => `/moby.buildkit.v1.frontend.LLBBridge/${name}`;
  return {
    [gateway("Ping")]: async (call) => call.send(pong(parts)),
    [gateway("Solve")]: (call) => solve(parts, call),
    [gateway("Return")]: (call) => returned(parts, call),
    ...resultMethods(parts),
  };
}

const pong = (parts: BuildkitParts): Uint8Array =>
  codecs.pong.encode({ FrontendAPICaps: gatewayCapabilities, LLBCaps: solveCapabilities, Workers: [workerOf(parts)] });

/** What a client wants built by a frontend. */
export interface FrontendRequest {
  readonly frontend: string;
  readonly attributes: Texts;
  readonly inputs: Record<string, Definition>;
}

export async function runFrontendOf(
  parts: BuildkitParts,
  build: ActiveBuild,
  request: FrontendRequest,
): Promise<BuildOutcome> {
  const { attributes } = request;
  return await runFrontend(parts.deps, build, { attributes, open: () => frontendParts(parts, build, request) });
}

async function frontendParts(
  { deps, sessions, results }: BuildkitParts,
  build: ActiveBuild,
  { frontend, attributes: given, inputs }: FrontendRequest,
): Promise<FrontendParts> {
  // Clients themselves ask for an image's frontend where the argument BUILDKIT_SYNTAX names one.
  const image = frontend === "gateway.v0" ? (given["source"] ?? "") : undefined;
  if (image !== undefined && !isBuiltInSyntax(image)) throw foreignSyntax(image, "the client");
  if (image === undefined && frontend !== "dockerfile.v0") throw unsupported(`the frontend ${frontend}`);
  const { attributes, links } = linkedAttributes(given, inputs);
  const linked = new Map(
    [...links].map(([name, { identifier, config }]) => {
      const result = results.linked(deps, identifier);
      return [name, async () => ({ kind: "result" as const, result: { ...result, ...(config && { config }) } })];
    }),
  );
  return { session: await sessions.get(build.session), attributes, linked };
}

const buildOf = ({ builds }: BuildkitParts, { headers }: Call): Promise<ActiveBuild> =>
  builds.get(String(headers[buildIdHeader] ?? ""));

async function solve(parts: BuildkitParts, call: Call): Promise<void> {
  const {
    Definition: definition,
    Frontend,
    FrontendOpt,
    FrontendInputs,
  } = codecs.solve.decode(await onlyMessage(call));
  const build = await buildOf(parts, call);
  const request = { frontend: Frontend, attributes: FrontendOpt, inputs: FrontendInputs };
  try {
    call.send(codecs.solved.encode({ result: await solved(parts, build, { ...request, definition }) }));
  } catch (error) {
    build.failure = error;
    throw buildFailure(error);
  }
}

async function solved(
  parts: BuildkitParts,
  build: ActiveBuild,
  { definition, ...request }: FrontendRequest & { readonly definition: Definition | null },
): Promise<Result> {
  if (!isEmptyDefinition(definition)) return await sourceResult(parts, build, definition);
  if (request.frontend === "") return {};
  if (request.attributes["requestid"]) return { metadata: await answerOf(parts, build, request) };
  return resultOf(parts, build, await runFrontendOf(parts, build, request));
}

/** The files of a repository, or the one of a URL: clients read their own definitions of builds from there. */
async function sourceResult(
  { deps, sessions, results }: BuildkitParts,
  build: ActiveBuild,
  definition: Definition,
): Promise<Result> {
  const source = sourceOf(definition);
  const url = source ? urlOf(source) : "";
  if (!source || !isRemote(url)) {
    throw unsupported("builds described by LLB", { hint: "build a Dockerfile, or name a git repository or a URL" });
  }
  const access = remoteAccess(deps, build, { session: await sessions.get(build.session), attributes: {} });
  const file = source.attrs["http.filename"] || basename(new URL(url, "http://unnamed").pathname);
  const { context, dockerfile } = await build.part(`load ${withoutPassword(url)}`, () =>
    remoteContext(deps, url, { ...access, dockerfile: file, kept: [] }),
  );
  const { id } = results.add({ kind: "files", files: context, names: new Map([[file, dockerfile]]) });
  build.references.add(id);
  return { ref: { id, def: definition } };
}

/** A question about the Dockerfile is answered by what goes with an empty result. */
async function answerOf(
  parts: BuildkitParts,
  build: ActiveBuild,
  request: FrontendRequest,
): Promise<Record<string, Uint8Array>> {
  const { json, text, statusCode } = await askFrontend(parts.deps, build, await frontendParts(parts, build, request));
  return {
    "result.json": Buffer.from(JSON.stringify(json)),
    "result.txt": Buffer.from(text),
    "result.statuscode": Buffer.from(String(statusCode)),
    version: Buffer.from("1.0.0"),
  };
}

/** A reference for each platform; where there is one platform alone, it has no name. */
function resultOf({ results }: BuildkitParts, build: ActiveBuild, outcome: BuildOutcome): Result {
  const made = outcome.images.map((image) => {
    const reference = results.add({ kind: "built", result: image, outcome });
    build.references.add(reference.id);
    return { platform: formatPlatform(image.platform), image, reference };
  });
  if (made.length === 1) {
    return { ref: made[0]!.reference, metadata: { "containerimage.config": made[0]!.image.configBytes } };
  }
  const platforms = made.map(({ platform: ID, image: { platform } }) => ({ ID, Platform: platform }));
  return {
    refs: { refs: Object.fromEntries(made.map(({ platform, reference }) => [platform, reference])) },
    metadata: {
      "refs.platforms": Buffer.from(JSON.stringify({ Platforms: platforms })),
      ...Object.fromEntries(
        made.map(({ platform, image }) => [`containerimage.config/${platform}`, image.configBytes] as const),
      ),
    },
  };
}

async function returned(parts: BuildkitParts, call: Call): Promise<void> {
  const { result, error } = codecs.return.decode(await onlyMessage(call));
  const build = await buildOf(parts, call);
  if (error) build.fail(new IsleError("invalid", error.message));
  else {
    const [reference] = result?.ref ? [result.ref] : Object.values(result?.refs?.refs ?? {});
    const known = reference && build.references.has(reference.id) ? parts.results.get(reference.id) : undefined;
    build.return(known?.kind === "built" ? known.outcome : undefined);
  }
  call.send(codecs.empty.encode({}));
}
