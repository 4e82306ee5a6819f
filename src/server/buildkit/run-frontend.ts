import type { HostConfig } from "../../api/generated/engine-api.ts";
import { readPatterns } from "../../base/dockerignore.ts";
import { invalid, unsupported } from "../../base/error.ts";
import { parsePlatform } from "../../base/platform.ts";
import { parseBytes } from "../../base/size.ts";
import type { ImageRecord } from "../../core/image.ts";
import { buildImage } from "../../engine/build/build-image.ts";
import { type BuildContext, dockerfileOf, ignoreFiles, receiveContext } from "../../engine/build/context.ts";
import type { BuildDeps } from "../../engine/build/deps.ts";
import { fullTag } from "../../engine/image/image-name.ts";
import type { ActiveBuild } from "./active-build.ts";
import { receiveFiles } from "./receive-files.ts";
import type { ClientSession } from "./sessions.ts";

type Attributes = Readonly<Record<string, string>>;
type Metadata = Record<string, string | string[]>;

/** Builds what a client describes by the attributes of BuildKit's Dockerfile frontend, from files of its session. */
export async function runFrontend(
  deps: BuildDeps,
  build: ActiveBuild,
  { session, attributes }: { session: ClientSession; attributes: Attributes },
): Promise<ImageRecord> {
  refuseUnsupported(attributes);
  const name = attributes["filename"] ?? "Dockerfile";
  const definition = await build.part(`[internal] load build definition from ${name}`, () =>
    receive(deps, session, { "dir-name": "dockerfile", followpaths: [name, ...ignoreFiles(name)] }, [
      name,
      ...ignoreFiles(name),
    ]),
  );
  let context: BuildContext | undefined;
  try {
    const dockerfile = dockerfileOf(definition, name);
    const ignored = await build.part("[internal] load .dockerignore", () =>
      ignoreLines(deps, session, { definition, name }),
    );
    context = await build.part("[internal] load build context", () =>
      receiveKept(deps, session, {
        "dir-name": "context",
        ...(ignored.length > 0 && { "exclude-patterns": ignored }),
      }),
    );
    return await buildImage(deps, {
      ...readAttributes(attributes, build),
      dockerfile,
      context,
      contextExcludes: [],
      credentialsFor: (domain) => session.credentials(domain === "docker.io" ? "registry-1.docker.io" : domain),
      secret: (id) => session.secret(id),
      onEvent: (event) => build.take(event),
      signal: build.signal,
    });
  } finally {
    await definition.release();
    await context?.release();
  }
}

function refuseUnsupported(attributes: Attributes): void {
  const remote = attributes["context"];
  if (remote)
    throw unsupported(`building from the remote context ${remote}`, { hint: "fetch it and build the directory" });
  const named = Object.keys(attributes).find((key) => key.startsWith("context:"));
  if (named)
    throw unsupported(`the named context ${named.slice("context:".length)}`, {
      hint: "use COPY --from an image or a stage",
    });
  if (attributes["requestid"]) throw unsupported(`the request ${attributes["requestid"]} to the Dockerfile frontend`);
}

/** A directory of the client's, or of it what the metadata asks for. */
async function receive(
  deps: BuildDeps,
  session: ClientSession,
  metadata: Metadata,
  kept: readonly string[],
): Promise<BuildContext> {
  return await receiveContext(deps, receiveFiles(session.openFiles(encodeMetadata(metadata)), undefined), kept);
}

/** A directory of which only those files come that were not there, or others, in its last build. */
async function receiveKept(deps: BuildDeps, session: ClientSession, metadata: Metadata): Promise<BuildContext> {
  const key = session.sharedKey;
  if (key === "") return await receive(deps, session, metadata, []);
  const base = deps.contexts.take(key);
  const files = receiveFiles(session.openFiles(encodeMetadata(metadata)), base?.facts ?? new Map());
  return await receiveContext(deps, files, [], { key, base });
}

/** Headers are ASCII: other texts are encoded, and a header beside them says so. */
function encodeMetadata(metadata: Metadata): Metadata {
  return Object.fromEntries(
    Object.entries(metadata).flatMap(([key, value]) => {
      const values = [value].flat();
      if (values.every((each) => /^[\x20-\x7e]*$/.test(each))) return [[key, values]];
      return [
        [key, values.map((each) => encodeURIComponent(each).replaceAll("%20", "+"))],
        [`${key}-encoded`, "1"],
      ];
    }),
  );
}

async function ignoreLines(
  deps: BuildDeps,
  session: ClientSession,
  { definition, name }: { definition: BuildContext; name: string },
): Promise<string[]> {
  const own = ignoreLinesOf(definition, `${name}.dockerignore`);
  if (own) return own;
  const file = ".dockerignore";
  const context = await receive(deps, session, { "dir-name": "context", followpaths: [file] }, [file]);
  await context.release();
  return ignoreLinesOf(context, file) ?? [];
}

function ignoreLinesOf({ manifest }: BuildContext, name: string): string[] | undefined {
  const text = manifest.texts.get(name);
  return text && readPatterns(text.toString()).filter((line) => line.trim() !== "");
}

function readAttributes(attributes: Attributes, { exporter, entitlements }: ActiveBuild) {
  const args = new Map(Object.entries(attributes).flatMap(([key, value]) => withoutPrefix("build-arg:", key, value)));
  const epoch = args.get("SOURCE_DATE_EPOCH");
  if (epoch && !/^\d{1,12}$/.test(epoch)) throw invalid(`invalid SOURCE_DATE_EPOCH: ${epoch}`);
  const uncached = attributes["no-cache"];
  return {
    target: attributes["target"] ?? "",
    args,
    labels: Object.fromEntries(
      Object.entries(attributes).flatMap(([key, value]) => withoutPrefix("label:", key, value)),
    ),
    names: namesOf(exporter?.attrs["name"]),
    platform: attributes["platform"] ? parsePlatform(onePlatform(attributes["platform"])) : undefined,
    uncached: uncached === "" ? ("all" as const) : new Set((uncached ?? "").split(",").filter(Boolean)),
    pull: attributes["image-resolve-mode"] === "pull",
    host: hostOptions(attributes, entitlements),
    epoch: epoch ? Number(epoch) : undefined,
  };
}

const withoutPrefix = (prefix: string, key: string, value: string): Array<[string, string]> =>
  key.startsWith(prefix) ? [[key.slice(prefix.length), value]] : [];

const namesOf = (text: string | undefined): string[] => (text ?? "").split(",").filter(Boolean).map(fullTag);

function onePlatform(text: string): string {
  if (text.includes(","))
    throw unsupported("images for several platforms at once", { hint: "build one platform at a time" });
  return text;
}

function hostOptions(attributes: Attributes, entitlements: readonly string[]): HostConfig {
  const hosts = (attributes["add-hosts"] ?? "").split(",").filter(Boolean);
  return {
    ...(attributes["force-network-mode"] && { NetworkMode: attributes["force-network-mode"] }),
    ...(hosts.length > 0 && { ExtraHosts: hosts.map((each) => each.replace("=", ":")) }),
    ...(attributes["shm-size"] && { ShmSize: parseBytes(attributes["shm-size"]) }),
    ...(entitlements.includes("security.insecure") && { Privileged: true }),
  };
}
