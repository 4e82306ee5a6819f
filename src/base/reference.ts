import { type Digest, isDigest } from "./digest.ts";
import { invalid } from "./error.ts";

/** A normalised image name: `docker.io/library/busybox:latest`. */
export interface Reference {
  /** Registry host with optional port, `docker.io` when none was written. */
  readonly domain: string;
  /** Path within the registry, `library/busybox`. */
  readonly path: string;
  readonly tag: string | undefined;
  readonly digest: Digest | undefined;
}

const pathPattern = /^[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*$/;
const domainPattern = /^(?:\[[a-fA-F0-9:]+\]|[a-zA-Z0-9](?:[a-zA-Z0-9.-]*[a-zA-Z0-9])?)(?::\d+)?$/;
const tagPattern = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/;

/** Reads a name as Docker's clients write it. No tag is added; see `withDefaultTag`. */
export function parseReference(text: string): Reference {
  const at = text.indexOf("@");
  const digestText = at === -1 ? undefined : text.slice(at + 1);
  if (digestText !== undefined && !isDigest(digestText)) throw malformed(text);
  const named = at === -1 ? text : text.slice(0, at);
  const colon = named.lastIndexOf(":");
  const tagged = colon > named.lastIndexOf("/");
  const tag = tagged ? named.slice(colon + 1) : undefined;
  if (tag !== undefined && !tagPattern.test(tag)) throw malformed(text);
  const { domain, path } = splitDomain(tagged ? named.slice(0, colon) : named);
  if (!domainPattern.test(domain) || path.length > 255) throw malformed(text);
  if (!pathPattern.test(path)) {
    throw path.toLowerCase() === path
      ? malformed(text)
      : invalid(`invalid reference format: repository name (${path}) must be lowercase`);
  }
  return { domain, path, tag, digest: digestText };
}

const malformed = (text: string) => invalid(`invalid reference format: "${text}"`);

function splitDomain(name: string): { domain: string; path: string } {
  const slash = name.indexOf("/");
  const first = slash === -1 ? "" : name.slice(0, slash);
  const isDomain = first !== "" && (/[.:]/.test(first) || first === "localhost" || first.toLowerCase() !== first);
  const domain = isDomain ? first.replace(/^(index\.)?docker\.io$/, "docker.io") : "docker.io";
  const path = isDomain ? name.slice(slash + 1) : name;
  return { domain, path: domain === "docker.io" && !path.includes("/") ? `library/${path}` : path };
}

/** Where the registry of a domain is reached: Docker's own has another host than its name. */
export const registryHost = (domain: string): string => (domain === "docker.io" ? "registry-1.docker.io" : domain);

/** The reference with `latest` when it names neither tag nor digest. */
export const withDefaultTag = (reference: Reference): Reference =>
  reference.tag === undefined && reference.digest === undefined ? { ...reference, tag: "latest" } : reference;

/** The full form, `docker.io/library/busybox:latest`. */
export const formatReference = (reference: Reference): string =>
  `${reference.domain}/${reference.path}${suffix(reference)}`;

/** The short form people read, `busybox:latest`. */
export const familiarReference = (reference: Reference): string => `${familiarName(reference)}${suffix(reference)}`;

/** The short repository name, `busybox` or `localhost:5000/app`. */
export function familiarName({ domain, path }: Reference): string {
  return domain === "docker.io" ? path.replace(/^library\/([^/]+)$/, "$1") : `${domain}/${path}`;
}

const suffix = ({ tag, digest }: Reference): string =>
  `${tag === undefined ? "" : `:${tag}`}${digest === undefined ? "" : `@${digest}`}`;
