import { invalid } from "../../base/error.ts";
import { formatBlock, isIp, parseBlock } from "../../base/ip.ts";
import type {
  EgressPolicy,
  EgressRule,
  InsidePolicy,
  InsideRule,
  PortMatch,
  RateLimit,
} from "../../core/network-policy.ts";

type Labels = Readonly<Record<string, string | null>> | null | undefined;

/** Reads `isle.policy.default` and `isle.policy.rules` of a network. */
export function insideOfLabels(labels: Labels): InsidePolicy | undefined {
  const [otherwise, rules] = [labels?.["isle.policy.default"], labels?.["isle.policy.rules"]];
  return otherwise || rules ? parseInside(otherwise ?? undefined, linesOf(rules ?? "")) : undefined;
}

/** Reads `isle.egress.allow` of a network or an instance: its presence makes a list of it, even an empty one. */
export function egressOfLabels(labels: Labels): EgressPolicy | undefined {
  const text = labels?.["isle.egress.allow"];
  return text === undefined || text === null ? undefined : parseEgress(linesOf(text));
}

/** Reads `isle.network.rate-in` and `isle.network.rate-out` of an instance. */
export function rateOfLabels(labels: Labels): RateLimit | undefined {
  const [into, out] = [labels?.["isle.network.rate-in"], labels?.["isle.network.rate-out"]];
  if (!into && !out) return undefined;
  return { ...(into && { inBits: parseRate(into) }), ...(out && { outBits: parseRate(out) }) };
}

/** `otherwise` is `allow` or `deny`; without it rules that allow close everything else. */
export function parseInside(otherwise: string | undefined, rules: readonly string[]): InsidePolicy {
  const parsed = rules.map(parseInsideRule);
  const implied = parsed.some(({ verdict }) => verdict === "allow") ? "deny" : "allow";
  const verdict = otherwise || implied;
  if (verdict !== "allow" && verdict !== "deny") {
    throw invalid(`invalid default of a policy: ${JSON.stringify(verdict)}`, { hint: "it is allow or deny" });
  }
  return { otherwise: verdict, rules: parsed };
}

export const parseEgress = (rules: readonly string[]): EgressPolicy => ({ rules: rules.map(parseEgressRule) });

/** Rules in one text stand on lines of their own or between semicolons. */
const linesOf = (text: string): string[] =>
  text
    .split(/[;\n]/)
    .map((line) => line.trim())
    .filter(Boolean);

/** `[allow|deny] FROM -> TO[:PORTS]` */
function parseInsideRule(text: string): InsideRule {
  const match = /^(?:(allow|deny)\s+)?(\S+)\s*->\s*(.+)$/.exec(text.trim());
  if (!match) {
    throw invalid(`invalid policy rule: ${JSON.stringify(text)}`, { hint: "write it as: allow web -> db:5432/tcp" });
  }
  const [, verdict = "allow", from = "", rest = ""] = match;
  const { target, ports } = splitPorts(rest, text);
  for (const selector of [from, target]) checkSelector(selector, text);
  return { verdict: verdict as "allow" | "deny", from, to: target, ports };
}

function checkSelector(selector: string, rule: string): void {
  if (selector === "*" || /^(label=[^\s=]+(=\S*)?|[a-zA-Z0-9][a-zA-Z0-9_.-]*)$/.test(selector)) return;
  throw invalid(`invalid policy rule: ${JSON.stringify(rule)}: who is ${JSON.stringify(selector)}?`, {
    hint: "name an instance, an alias, label=KEY=VALUE, or * for all",
  });
}

/** `TARGET[:PORTS]`, or with a blank between, as addresses of IPv6 need it. */
function parseEgressRule(text: string): EgressRule {
  const { target, ports } = splitPorts(text.trim(), text);
  const lower = target.toLowerCase();
  const [address = ""] = target.split("/");
  if (isIp(address)) {
    const block = target.includes("/") ? target : `${target}/${target.includes(":") ? 128 : 32}`;
    return { target: formatBlock(parseBlock(block)), kind: "block", ports };
  }
  if (
    /^(\*\.)?([a-z0-9_]([a-z0-9_-]*[a-z0-9_])?\.)*[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?$/.test(lower) &&
    /[a-z]/.test(lower)
  ) {
    return { target: lower, kind: "name", ports };
  }
  throw invalid(`invalid egress rule: ${JSON.stringify(text)}`, {
    hint: "name a block of addresses or a domain, with ports behind a colon: example.org:443",
  });
}

function splitPorts(text: string, rule: string): { target: string; ports: PortMatch[] } {
  const blank = /^(\S+)\s+(\S+)$/.exec(text);
  const colon = /^([^:]+):([^:]+)$/.exec(text);
  const [, target = text, ports = ""] = blank ?? colon ?? [];
  return { target, ports: ports === "" ? [] : ports.split(",").map((part) => parsePortMatch(part, rule)) };
}

function parsePortMatch(text: string, rule: string): PortMatch {
  const match = /^(\d{1,5})(?:-(\d{1,5}))?(?:\/(tcp|udp|sctp))?$/i.exec(text.trim());
  const first = Number(match?.[1] ?? 0);
  const last = Number(match?.[2] ?? first);
  if (!match || first < 1 || last > 65535 || last < first) {
    throw invalid(`invalid policy rule: ${JSON.stringify(rule)}: ${JSON.stringify(text)} is no port`);
  }
  return { protocol: (match[3]?.toLowerCase() ?? "tcp") as PortMatch["protocol"], first, last };
}

const unitBits: Readonly<Record<string, number>> = { "": 1, k: 1e3, m: 1e6, g: 1e9 };

/** Bits per second of `10mbit`, `500kbit` or `1.5gbit`. */
export function parseRate(text: string): number {
  const match = /^(\d+(?:\.\d+)?)([kmg]?)bit$/i.exec(text.trim());
  const bits = match ? Number(match[1]) * unitBits[match[2]!.toLowerCase()]! : 0;
  if (bits >= 8000) return Math.round(bits);
  throw invalid(`invalid rate: ${JSON.stringify(text)}`, {
    hint: "write it as 500kbit, 10mbit or 1gbit; at least 8kbit",
  });
}
