import { formatPlatform, hostPlatform } from "../../../base/platform.ts";
import { familiarReference, parseReference } from "../../../base/reference.ts";
import { type GitUrl, withoutPassword } from "../../../core/build/git-url.ts";
import type { BuiltImage } from "../outputs/built-image.ts";
import { proxyVariables } from "../platform-variables.ts";
import type { BuildRequest } from "../request.ts";
import type { ProvenanceWish } from "./attest-words.ts";

/** Something that came into a build from elsewhere. */
export interface Material {
  readonly uri: string;
  readonly digest: Readonly<Record<string, string>>;
}

export interface BuildTimes {
  /** Empty where the same input is to give the same bytes. */
  readonly invocationId: string;
  readonly startedOn: string;
  readonly finishedOn: string;
}

/** The form of the parameters and of the configuration below; what is in it: docs/build.md. */
const buildType = "urn:isle:dockerfile-build:v1";

interface Told {
  readonly wish: ProvenanceWish;
  readonly request: BuildRequest;
  readonly image: BuiltImage;
  readonly times: BuildTimes;
}

export const predicateTypes = {
  "v0.2": "https://slsa.dev/provenance/v0.2",
  v1: "https://slsa.dev/provenance/v1",
} as const;

/** How an image came to be, as SLSA's predicate of the version asked for. Secrets are never in it, by their ids at most. */
export const provenance = (told: Told): object => (told.wish.version === "v1" ? version1(told) : version02(told));

function version02({ wish, request, image, times }: Told): object {
  const isMax = wish.mode === "max";
  return {
    builder: { id: wish.builderId },
    buildType,
    materials: materialsOf(request, image),
    invocation: {
      configSource: { ...request.context?.origin, entryPoint: request.dockerfile.name },
      parameters: parametersOf(request, isMax),
      environment: { platform: formatPlatform(hostPlatform()) },
    },
    ...(isMax && { buildConfig: configOf(request, image) }),
    metadata: {
      ...(times.invocationId && { buildInvocationID: times.invocationId }),
      buildStartedOn: times.startedOn,
      buildFinishedOn: times.finishedOn,
      completeness: { parameters: isMax, environment: true, materials: false },
      reproducible: wish.reproducible,
    },
  };
}

function version1({ wish, request, image, times }: Told): object {
  const isMax = wish.mode === "max";
  return {
    buildDefinition: {
      buildType,
      externalParameters: {
        configSource: { ...request.context?.origin, path: request.dockerfile.name },
        request: parametersOf(request, isMax),
      },
      internalParameters: {
        builderPlatform: formatPlatform(hostPlatform()),
        ...(isMax && { buildConfig: configOf(request, image) }),
      },
      resolvedDependencies: materialsOf(request, image),
    },
    runDetails: {
      builder: { id: wish.builderId },
      metadata: {
        ...(times.invocationId && { invocationId: times.invocationId }),
        startedOn: times.startedOn,
        finishedOn: times.finishedOn,
      },
    },
  };
}

const materialsOf = ({ context }: BuildRequest, { materials }: BuiltImage): Material[] => [
  ...(context?.origin ? [context.origin] : []),
  ...materials.filter(({ uri }) => uri !== context?.origin?.uri),
];

function parametersOf(request: BuildRequest, isMax: boolean): object {
  const given = [...request.args].filter(([name, value]) => value !== undefined && !proxyVariables.has(name));
  const args = {
    ...(request.target && { target: request.target }),
    ...(request.platforms.length > 0 && { platform: request.platforms.map(formatPlatform).join(",") }),
    ...(isMax && {
      ...Object.fromEntries(given.map(([name, value]) => [`build-arg:${name}`, value])),
      ...Object.fromEntries(Object.entries(request.labels).map(([name, value]) => [`label:${name}`, value])),
    }),
  };
  const locals = request.context?.origin ? [] : [{ name: "context" }, { name: "dockerfile" }];
  return { frontend: "dockerfile.v0", args, locals };
}

const configOf = ({ dockerfile }: BuildRequest, { steps, layers }: BuiltImage): object => ({
  dockerfile: { name: dockerfile.name, data: Buffer.from(dockerfile.text).toString("base64") },
  steps: steps.map(({ name }) => ({ name })),
  layers: layers.map(({ diffId, sizeBytes }) => ({ diffID: diffId, size: sizeBytes })),
});

/** A commit of a repository. */
export function gitMaterial({ remote, ref }: Pick<GitUrl, "remote" | "ref">, commit: string): Material {
  const uri = `${withoutPassword(remote)}${ref ? `#${ref}` : ""}`;
  return { uri, digest: { [commit.length === 64 ? "sha256" : "sha1"]: commit } };
}

/** The URL of an image as a package. */
export function imageUrl(name: string, platform: string): string {
  const reference = familiarReference(parseReference(name));
  const at = /[:@][^/]*$/.exec(reference)?.index ?? reference.length;
  const version = reference.slice(at + 1) || "latest";
  const bare = reference.slice(0, at).split("/").map(encodeURIComponent).join("/");
  return `pkg:docker/${bare}@${encodeURIComponent(version)}?platform=${encodeURIComponent(platform)}`;
}
