import type { HostConfig } from "../../api/generated/engine-api.ts";
import { invalid } from "../../base/error.ts";
import { parsePlatform } from "../../base/platform.ts";
import { parseBytes } from "../../base/size.ts";
import { withoutPassword } from "../../core/build/git-url.ts";
import { parseAttests } from "../../engine/build/attest/attest-words.ts";
import { type BuildOutcome, buildImage } from "../../engine/build/build-image.ts";
import { type CacheSource, parseCacheSource } from "../../engine/build/cache/cache-words.ts";
import { reportLint } from "../../engine/build/check-build.ts";
import type { BuildDeps } from "../../engine/build/deps.ts";
import { recordedBuild } from "../../engine/build/history/recorded-build.ts";
import { prepareBuild, readDockerfile } from "../../engine/build/prepared-build.ts";
import type { BuildEvent, BuildRequest } from "../../engine/build/request.ts";
import { answerQuestion, questionOf, type SubrequestAnswer } from "../build/subrequests.ts";
import type { ActiveBuild } from "./active-build.ts";
import { type Attributes, type FrontendParts, frontendInput } from "./frontend-input.ts";
import { sendOutput } from "./send-output.ts";
import { sessionAgent } from "./session-agent.ts";
import { sessionCache } from "./session-cache.ts";

/** Builds what a client describes by the attributes of BuildKit's Dockerfile frontend, and keeps a record of it. */
export async function runFrontend(
  deps: BuildDeps,
  build: ActiveBuild,
  { attributes, open }: { readonly attributes: Attributes; open(): Promise<FrontendParts> },
): Promise<BuildOutcome> {
  const wanted = { ...readAttributes(attributes, build), outputs: build.outputs };
  const about = {
    ...{ ...wanted, id: deps.journal.freeId(build.ref), dockerfile: attributes["filename"] ?? "Dockerfile" },
    context: withoutPassword(attributes["context"] ?? attributes["vcs:source"] ?? ""),
  };
  return await recordedBuild(deps, about, async (tell) => {
    build.record(tell);
    return await buildWanted(deps, build, { ...(await open()), wanted });
  });
}

async function buildWanted(
  deps: BuildDeps,
  build: ActiveBuild,
  { wanted, ...parts }: FrontendParts & { readonly wanted: ReturnType<typeof readAttributes> },
): Promise<BuildOutcome> {
  const { session, attributes } = parts;
  const onEvent = (event: BuildEvent): void => build.take(event);
  const check = (definition: Pick<BuildRequest, "dockerfile" | "ignored" | "named">): void => {
    const request = { ...wanted, ...definition, onEvent };
    const read = readDockerfile(request, wanted.platforms[0]);
    prepareBuild(request, read);
    reportLint(deps, request, read);
  };
  const { release, ...input } = await frontendInput(deps, build, { ...parts, check });
  try {
    return await buildImage(deps, {
      ...{ ...wanted, ...input, onEvent },
      contextExcludes: [],
      credentialsFor: (domain) => session.credentials(domain),
      secret: (id) => session.secret(id),
      hostKeys: build.hostKeys,
      sshAgent: (id) => sessionAgent(deps.settings.paths.agents, session, id),
      outputs: build.outputs,
      cacheFrom: cacheSources(attributes["cache-imports"]),
      cacheTo: build.cacheTo,
      attest: parseAttests(
        Object.fromEntries(Object.entries(attributes).flatMap(([key, value]) => withoutPrefix("attest:", key, value))),
      ),
      clientCache: sessionCache(deps, session),
      deliver: (delivery) => sendOutput(deps, session, delivery),
      signal: build.signal,
    });
  } finally {
    await release();
  }
}

/** Answers a question about the Dockerfile, such as `docker build --check` asks, without building it. */
export async function askFrontend(
  deps: BuildDeps,
  build: ActiveBuild,
  parts: FrontendParts,
): Promise<SubrequestAnswer> {
  const { attributes } = parts;
  const question = questionOf(attributes["requestid"] ?? "");
  const { release, ...input } = await frontendInput(deps, build, parts);
  try {
    return answerQuestion(deps, question, { ...readAttributes(attributes, build), ...input });
  } finally {
    await release();
  }
}

/** Clients send them as JSON. */
function cacheSources(text: string | undefined): CacheSource[] {
  if (!text) return [];
  const entries = JSON.parse(text) as Array<{ Type: string; Attrs?: Record<string, string> }>;
  return entries.map(({ Type, Attrs }) => parseCacheSource({ type: Type, attributes: Attrs ?? {} }));
}

function readAttributes(attributes: Attributes, { entitlements }: ActiveBuild) {
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
    platforms: (attributes["platform"] ?? "").split(",").filter(Boolean).map(parsePlatform),
    uncached: uncached === "" ? ("all" as const) : new Set((uncached ?? "").split(",").filter(Boolean)),
    pull: attributes["image-resolve-mode"] === "pull",
    host: hostOptions(attributes, entitlements),
    epoch: epoch ? Number(epoch) : undefined,
  };
}

const withoutPrefix = (prefix: string, key: string, value: string): Array<[string, string]> =>
  key.startsWith(prefix) ? [[key.slice(prefix.length), value]] : [];

function hostOptions(attributes: Attributes, entitlements: readonly string[]): HostConfig {
  const hosts = (attributes["add-hosts"] ?? "").split(",").filter(Boolean);
  return {
    ...(attributes["force-network-mode"] && { NetworkMode: attributes["force-network-mode"] }),
    ...(hosts.length > 0 && { ExtraHosts: hosts.map((each) => each.replace("=", ":")) }),
    ...(attributes["shm-size"] && { ShmSize: parseBytes(attributes["shm-size"]) }),
    ...(entitlements.includes("security.insecure") && { Privileged: true }),
  };
}
