import { BlockList, isIP } from "node:net";
import { invalid } from "../../../base/error.ts";
import { registryHost } from "../../../base/reference.ts";
import type { DistributionOptions } from "./options.ts";

/** One base URL that may serve a registry. */
export interface Endpoint {
  /** Scheme, host and optional path prefix, without a slash at the end. */
  readonly base: string;
  readonly host: string;
  /** May be spoken to without a verified certificate. */
  readonly insecure: boolean;
  /** Serves another registry's content; gets no credentials, and any failure moves on to the next. */
  readonly mirror: boolean;
}

/** Where a registry's content is found, in the order to try. */
export function pullEndpoints(domain: string, options: DistributionOptions): Endpoint[] {
  const mirrors = domain === "docker.io" ? (options.mirrors ?? []) : [];
  return [...mirrors.map((mirror) => mirrorEndpoint(mirror, options)), ...ownEndpoints(domain, options)];
}

/** The registry itself: over https, and for an insecure one over http after that. */
export function ownEndpoints(domain: string, options: DistributionOptions): Endpoint[] {
  const host = registryHost(domain);
  const insecure = isInsecure(host, options);
  const https: Endpoint = { base: `https://${host}`, host, insecure, mirror: false };
  return insecure ? [https, { ...https, base: `http://${host}` }] : [https];
}

function mirrorEndpoint(mirror: string, options: DistributionOptions): Endpoint {
  const url = URL.canParse(mirror) ? new URL(mirror) : undefined;
  if (!url || !/^https?:$/.test(url.protocol) || url.search || url.hash || url.username) {
    throw invalid(`invalid mirror: "${mirror}" is not an http or https URL without user, query and fragment`);
  }
  const insecure = url.protocol === "http:" || isInsecure(url.host, options);
  return { base: mirror.replace(/\/+$/, ""), host: url.host, insecure, mirror: true };
}

/** True for loopback and for what `insecureRegistries` lists. Names are compared as written, never looked up. */
export function isInsecure(host: string, { insecureRegistries = [] }: DistributionOptions): boolean {
  const name = host.replace(/:\d+$/, "").replace(/^\[|\]$/g, "");
  if (name === "localhost") return true;
  if (insecureRegistries.some((rule) => rule === host || rule === name)) return true;
  return isIP(name) !== 0 && inBlocks(name, ["127.0.0.0/8", "::1/128", ...insecureRegistries]);
}

function inBlocks(address: string, rules: readonly string[]): boolean {
  const blocks = new BlockList();
  for (const rule of rules) {
    const [network = "", bits = ""] = rule.split("/");
    const family = isIP(network);
    if (family !== 0 && /^\d+$/.test(bits)) blocks.addSubnet(network, Number(bits), family === 6 ? "ipv6" : "ipv4");
  }
  return blocks.check(address, isIP(address) === 6 ? "ipv6" : "ipv4");
}
