import type { Answer } from "dns-packet";
import { type Family, familyOf, ipOfBytes } from "../../../base/ip.ts";
import type { NameAsker } from "../../../core/names.ts";
import { type Query, reply, responseCode } from "./packet.ts";

/** Instances come and go: nobody is to remember where one was. */
const ttl = 0;

/** The reply to a question about instances; undefined for all others. */
export function localAnswer(query: Query, asker: NameAsker): Buffer | undefined {
  const { type, class: dnsClass } = query.question;
  if (dnsClass !== "IN") return undefined;
  const reverse = type === "PTR" ? addressOfReverse(query.name) : undefined;
  if (reverse !== undefined) return reverseAnswer(query, asker.nameOf(reverse));
  const addresses = asker.addresses(query.name);
  if (!addresses) return undefined;
  const wanted = shuffled(addresses).flatMap((address) => record(query, address));
  return reply(query, responseCode.ok, wanted);
}

function reverseAnswer(query: Query, name: string | undefined): Buffer | undefined {
  if (name === undefined) return undefined;
  if (name === "") return reply(query, responseCode.noSuchName);
  return reply(query, responseCode.ok, [{ type: "PTR", name: query.question.name, ttl, data: name }]);
}

const recordTypes: Readonly<Record<Family, "A" | "AAAA">> = { 4: "A", 6: "AAAA" };

function record({ question }: Query, address: string): Answer[] {
  const type = recordTypes[familyOf(address)];
  return question.type === type || String(question.type) === "ANY"
    ? [{ type, name: question.name, ttl, data: address }]
    : [];
}

/** Spreads clients that take the first over all. */
function shuffled(addresses: readonly string[]): string[] {
  const out = [...addresses];
  for (let i = out.length - 1; i > 0; i -= 1) {
    const j = Math.floor(Math.random() * (i + 1));
    [out[i], out[j]] = [out[j]!, out[i]!];
  }
  return out;
}

/** The address of `1.0.17.172.in-addr.arpa` or of its like under ip6.arpa. */
export function addressOfReverse(name: string): string | undefined {
  const v4 = /^((?:\d{1,3}\.){4})in-addr\.arpa$/.exec(name);
  const v6 = /^((?:[0-9a-f]\.){32})ip6\.arpa$/.exec(name);
  const parts = (v4 ?? v6)?.[1]?.split(".").filter(Boolean).reverse();
  if (!parts) return undefined;
  if (v6) return ipOfBytes(Buffer.from(parts.join(""), "hex"));
  return parts.every((part) => Number(part) <= 255) ? ipOfBytes(Buffer.from(parts.map(Number))) : undefined;
}
