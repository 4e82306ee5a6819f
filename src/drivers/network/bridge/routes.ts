import { type Block, type Family, ipOfBytes, parseBlock } from "../../../base/ip.ts";
import { readTextIfPresent } from "../../../os/files.ts";

export interface Route {
  readonly block: Block;
  readonly device: string;
}

/** Routes of this network namespace, the default route left out. */
export function liveRoutes(family: Family): Route[] {
  if (family === 4) return parseRoutes(readTextIfPresent("/proc/thread-self/net/route") ?? "");
  return parseRoutes6(readTextIfPresent("/proc/thread-self/net/ipv6_route") ?? "");
}

/** Reads /proc/net/route. */
export function parseRoutes(text: string): Route[] {
  const swap = (hex: string) => Buffer.from(hex, "hex").reverse();
  return text
    .trim()
    .split("\n")
    .slice(1)
    .flatMap((line) => {
      const [device = "", destination = "", , , , , , mask = ""] = line.split("\t");
      const bits = swap(mask).readUInt32BE().toString(2).replaceAll("0", "").length;
      return bits === 0 ? [] : [{ device, block: parseBlock(`${ipOfBytes(swap(destination))}/${bits}`) }];
    });
}

/** Reads /proc/net/ipv6_route, without what every interface has and without the machine's own addresses. */
export function parseRoutes6(text: string): Route[] {
  return text
    .trim()
    .split("\n")
    .flatMap((line) => {
      const [destination = "", length = "", ...rest] = line.trim().split(/\s+/);
      if (!/^[0-9a-f]{32}$/.test(destination) || /^(fe80|ff00)/.test(destination)) return [];
      const block = parseBlock(`${ipOfBytes(Buffer.from(destination, "hex"))}/${Number.parseInt(length, 16)}`);
      const device = rest.at(-1) ?? "";
      return block.prefixLength === 0 || block.prefixLength === 128 ? [] : [{ device, block }];
    });
}
