import { readdirSync } from "node:fs";
import type { Digest } from "../../../base/digest.ts";
import { isCode } from "../../../base/error.ts";
import { formatNanos } from "../../../base/time.ts";
import type { ArchiveDriver, ExportOptions, PathStat, TreeRoot } from "../../../core/archive.ts";
import { feedConfined, readConfined, runConfined } from "../../../os/confined/confined.ts";
import type { ExportRequest, StatResult } from "../../../os/confined/protocol.ts";

/** Trees read and written by a child of this program that has the root as its own `/`. */
export function createConfinedArchive(): ArchiveDriver {
  return {
    stat: async (root, path) => toStat(await runConfined({ op: "stat", root, path: absolute(path) })),
    read: async (root, path) => {
      const { ready, tar } = readConfined({ op: "pack", root, path: absolute(path) });
      try {
        return { stat: toStat(await ready), tar };
      } catch (error) {
        tar.destroy();
        throw error;
      }
    },
    write: async (root, path, tar, options = {}) => {
      await feedConfined({ op: "extract", root, path: absolute(path), ...options }, tar);
    },
    exportRoot: (root, options = {}) => readConfined({ op: "packRoot", root, options: exportRequest(options) }).tar,
    copyUp: (root, path, target) => copyUp({ root, path: absolute(path) }, target),
    packTree: (path) => readConfined({ op: "packContent", root: { path }, path: "/" }).tar,
    unpackTree: async (target, tar) => void (await feedConfined({ op: "unpackTree", target }, tar)),
    packCopy: (root, copy) => readConfined({ op: "packCopy", root, copy }).tar,
    digestCopy: async (root, copy) => (await runConfined({ op: "digestCopy", root, copy })) as Digest,
    readFile: async (root, path, maxBytes) => {
      const content = await runConfined({ op: "readFile", root, path: absolute(path), maxBytes });
      return content === null ? undefined : Buffer.from(content as string, "base64");
    },
  };
}

const exportRequest = ({ prefix = "", continues = false, modifiedNanos }: ExportOptions): ExportRequest => ({
  prefix,
  continues,
  ...(modifiedNanos !== undefined && { modifiedNanos: String(modifiedNanos) }),
});

const absolute = (path: string): string => (path.startsWith("/") ? path : `/${path}`);

function toStat(result: unknown): PathStat {
  const { modifiedNanos, ...stat } = result as StatResult;
  return { ...stat, modifiedAt: formatNanos(BigInt(modifiedNanos)) };
}

/** One child packs the directory, another unpacks it in the target; neither sees the other's tree. */
async function copyUp(from: { root: TreeRoot; path: string }, target: string): Promise<void> {
  if (readdirSync(target).length > 0) return;
  const { ready, tar } = readConfined({ op: "packContent", ...from });
  if (!(await isDirectory(ready))) {
    tar.destroy();
    return;
  }
  await feedConfined({ op: "unpackTree", target }, tar);
}

async function isDirectory(ready: Promise<unknown>): Promise<boolean> {
  try {
    return (await ready) === "directory";
  } catch (error) {
    if (isCode(error, "notFound")) return false;
    throw error;
  }
}
