import { type StatusUpdate, StatusWriter } from "../../api/build-status.ts";
import type { BuildOutput } from "../../engine/build/outputs/output.ts";
import type { BuildEvent } from "../../engine/build/request.ts";
import { errorReply } from "../error-map.ts";
import type { ProgressLine } from "../json-stream.ts";
import type { Query } from "../query.ts";
import { ActiveBuild } from "./active-build.ts";
import { runFrontendOf } from "./gateway.ts";
import type { BuildkitParts } from "./parts.ts";
import { encodeUpdate } from "./status-update.ts";

type Report = (line: ProgressLine) => void;

/** Progress as clients read it that build with BuildKit on `/build`: its messages within JSON lines. */
const trace = (report: Report) => (update: StatusUpdate) =>
  report({ id: "moby.buildkit.trace", aux: Buffer.from(encodeUpdate(update)).toString("base64") });

/** Tells of a build whose files came with the request. */
export function traceReporter(ref: string, report: Report): (event: BuildEvent) => void {
  const writer = new StatusWriter(ref, trace(report));
  return (event) => {
    if (event.kind === "image") report({ id: "moby.image.id", aux: { ID: event.id } });
    else writer.take(event);
  };
}

interface Asked {
  readonly query: Query;
  readonly outputs: readonly BuildOutput[];
  readonly signal: AbortSignal;
}

/** A build on `/build` whose files come over the client's session, as clients older than buildx ask for one. */
export async function sessionBuild(
  parts: BuildkitParts,
  { query, outputs, signal }: Asked,
  report: Report,
): Promise<void> {
  const build = new ActiveBuild({
    ...{ ref: query.text("buildid") ?? "", session: query.text("session") ?? "", outputs, signal },
    ...{ cacheTo: [], entitlements: [] },
  });
  const told = (async () => {
    const tell = trace(report);
    for await (const update of build.updates()) tell(update);
  })();
  try {
    const request = { frontend: "dockerfile.v0", attributes: attributesOf(query), inputs: {} };
    const { image } = await runFrontendOf(parts, build, request);
    build.end();
    await told;
    if (outputs.some(({ kind }) => kind === "image")) report({ id: "moby.image.id", aux: { ID: image.id } });
  } catch (error) {
    build.end();
    await told;
    // Without a code, which clients would end with.
    const { message } = errorReply(error);
    report({ errorDetail: { message }, error: message });
  }
}

/** The parameters of the API in the words of BuildKit's frontend. */
export function attributesOf(query: Query): Record<string, string> {
  const given = (name: string): Array<[string, string]> => {
    const value = query.text(name);
    return value ? [[name, value]] : [];
  };
  const texts = (name: string, prefix: string): Array<[string, string]> =>
    Object.entries((query.json(name) ?? {}) as Record<string, unknown>).flatMap(([key, value]) =>
      typeof value === "string" ? [[`${prefix}:${key}`, value]] : [],
    );
  const caches = (query.json("cachefrom") ?? []) as unknown[];
  const hosts = query
    .all("extrahosts")
    .flatMap((each) => each.split(","))
    .filter(Boolean);
  return Object.fromEntries([
    ["filename", query.text("dockerfile") || "Dockerfile"],
    ...[...given("target"), ...given("platform"), ...texts("buildargs", "build-arg"), ...texts("labels", "label")],
    ...(query.flag("nocache") ? [["no-cache", ""]] : []),
    ...(query.flag("pull") ? [["image-resolve-mode", "pull"]] : []),
    ...(query.text("networkmode") ? [["force-network-mode", networkOf(query.text("networkmode")!)]] : []),
    ...(Number(query.text("shmsize") || 0) > 0 ? [["shm-size", query.text("shmsize")!]] : []),
    ...(hosts.length > 0 ? [["add-hosts", hosts.map((each) => each.replace(":", "=")).join(",")]] : []),
    ...(Array.isArray(caches) && caches.length > 0
      ? [["cache-imports", JSON.stringify(caches.map((ref) => ({ Type: "registry", Attrs: { ref: String(ref) } })))]]
      : []),
  ]);
}

const networkOf = (mode: string): string => (mode === "default" ? "" : mode);
