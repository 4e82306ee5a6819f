import type { HostConfig } from "../../api/generated/engine-api.ts";
import { invalid } from "../../base/error.ts";
import { parsePlatform } from "../../base/platform.ts";
import { parseBytes } from "../../base/size.ts";
import { withoutPassword } from "../../core/build/git-url.ts";
import { parseAttests } from "../../engine/build/attest/attest-words.ts";
import type { BuildOutcome } from "../../engine/build/build-image.ts";
import { type CacheSource, parseCacheSource } from "../../engine/build/cache/cache-words.ts";
import type { BuildDeps } from "../../engine/build/deps.ts";
import { recordedBuild } from "../../engine/build/history/recorded-build.ts";
import type { BuildRequest } from "../../engine/build/request.ts";
import { answerQuestion, questionOf, type SubrequestAnswer } from "../build/subrequests.ts";
import type { ActiveBuild } from "./active-build.ts";
import { type Attributes, type FrontendParts, frontendInput } from "./frontend-input.ts";
import { sendOutput } from "./send-output.ts";
import { sessionAgent } from "./session-agent.ts";
import { sessionCache } from "./session-cache.ts";

/** Builds what a client describes by the attributes of BuildKit's Dockerfile frontend. */
export async function runFrontend(deps: BuildDeps, build: ActiveBuild, parts: FrontendParts): Promise<BuildOutcome> {
  const { session, attributes } = parts;
  const { release, ...input } = await frontendInput(deps, build, parts);
  try {
    const request: BuildRequest = {
      ...readAttributes(attributes, build),
      ...input,
      contextExcludes: [],
      credentialsFor: (domain) => session.credentials(domain === "docker.io" ? "registry-1.docker.io" : domain),
      secret: (id) => session.secret(id),
      sshAgent: (id) => sessionAgent(deps.settings.paths.agents, session, id),
      onEvent: (event) => build.take(event),
      outputs: build.outputs,
      cacheFrom: cacheSources(attributes["cache-imports"]),
      cacheTo: build.cacheTo,
      attest: parseAttests(
        Object.fromEntries(Object.entries(attributes).flatMap(([key, value]) => withoutPrefix("attest:", key, value))),
      ),
      clientCache: sessionCache(deps, session),
      deliver: (delivery) => sendOutput(deps, session, delivery),
      signal: build.signal,
    };
    const context = attributes["context"] ?? attributes["vcs:source"] ?? "";
    return await recordedBuild(deps, request, {
      id: deps.journal.freeId(build.ref),
      context: withoutPassword(context),
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
