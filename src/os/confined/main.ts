import { createHash } from "node:crypto";
import { writeSync } from "node:fs";
import { overlayChanges } from "./changes.ts";
import { cleanError } from "./clean-error.ts";
import { digestCopy, packCopy } from "./copy.ts";
import { dieWithParent } from "./die-with-parent.ts";
import { enterRoot } from "./enter-root.ts";
import { extract } from "./extract.ts";
import { OutputStream } from "./output.ts";
import { packPath, packRoot, packUpper } from "./pack.ts";
import { isDirectory } from "./path.ts";
import type { ConfinedReport, ConfinedRequest } from "./protocol.ts";
import { readLimited } from "./read-limited.ts";
import { statPath } from "./stat-path.ts";
import { TreeWriter } from "./tree-writer.ts";
import { unpackStream } from "./unpack-stream.ts";
import { treeUsage } from "./usage.ts";

/** Entry of the confined child: does the one request in its argument, then returns the exit code. */
export async function confinedMain(args: string[]): Promise<number> {
  try {
    dieWithParent();
    process.umask(0);
    report({ done: (await perform(JSON.parse(args[0] ?? "") as ConfinedRequest)) ?? null });
    return 0;
  } catch (error) {
    report({ failed: cleanError(error) });
    return 1;
  }
}

const reportFd = 3;
const report = (line: ConfinedReport): void => void writeSync(reportFd, `${JSON.stringify(line)}\n`);

async function perform(request: ConfinedRequest): Promise<unknown> {
  switch (request.op) {
    case "unpackLayer":
      return await unpackLayer(request.target);
    case "extract":
      enterRoot(request.root);
      return await extract(request);
    case "pack":
      enterRoot(request.root);
      report({ ready: statPath(request.path) });
      return toOutput((output) => packPath(request.path, output));
    case "packContent":
      enterRoot(request.root);
      return packContent(request.path);
    case "unpackTree":
      enterRoot({ path: request.target });
      return await unpackStream(new TreeWriter({ whiteouts: "literal" }));
    case "packRoot":
      enterRoot(request.root);
      return toOutput((output) => packRoot(output, request.options));
    case "packUpper":
      enterRoot({ path: request.upper });
      toOutput((output) =>
        packUpper(output, request.latestNanos === undefined ? undefined : BigInt(request.latestNanos)),
      );
      return treeUsage();
    case "packCopy":
      enterRoot(request.root);
      return toOutput((output) => packCopy(request.copy, output));
    case "digestCopy":
      enterRoot(request.root);
      return digestCopy(request.copy);
    case "stat":
      enterRoot(request.root);
      return statPath(request.path);
    case "readFile":
      enterRoot(request.root);
      return readLimited(request.path, request.maxBytes);
    case "usage":
      enterRoot({ path: request.target });
      return treeUsage();
    case "changes":
      enterRoot({ path: request.base });
      return overlayChanges(request.upper, request.lowers);
  }
}

function packContent(path: string): unknown {
  const directory = isDirectory(Buffer.from(path));
  report({ ready: directory ? "directory" : "other" });
  return directory ? toOutput((output) => packPath(`${path}/.`, output)) : null;
}

function toOutput(pack: (output: OutputStream) => void): null {
  const output = new OutputStream(1);
  pack(output);
  output.end();
  return null;
}

/** Reports every few megabytes, not every chunk. */
function progressReporter(): (bytes: number) => void {
  const everyBytes = 8 << 20;
  let reported = 0;
  return (bytes) => {
    if (bytes - reported < everyBytes) return;
    reported = bytes;
    report({ progress: bytes });
  };
}

async function unpackLayer(target: string): Promise<unknown> {
  enterRoot({ path: target });
  const hash = createHash("sha256");
  const writer = new TreeWriter({ whiteouts: "overlay" });
  await unpackStream(writer, {
    onPlain: (chunk) => hash.update(chunk),
    onRead: progressReporter(),
  });
  return { diffId: `sha256:${hash.digest("hex")}`, sizeBytes: writer.sizeBytes, inodes: writer.inodes };
}
