import { createHash } from "node:crypto";
import { closeSync, openSync, readSync, writeSync } from "node:fs";
import { overlayChanges } from "./changes.ts";
import { cleanError } from "./clean-error.ts";
import { digestCopy, packCopy } from "./copy.ts";
import { dieWithParent } from "./die-with-parent.ts";
import { enterRoot, leaveRoot, openRoot } from "./enter-root.ts";
import { extract } from "./extract.ts";
import { fileInput, framedInput } from "./input.ts";
import { OutputStream } from "./output.ts";
import { packPath, packRoot, packUpper } from "./pack.ts";
import { isDirectory } from "./path.ts";
import { type ConfinedReport, type ConfinedRequest, isLastRequest } from "./protocol.ts";
import { readLimited } from "./read-limited.ts";
import { statPath } from "./stat-path.ts";
import { TreeWriter } from "./tree-writer.ts";
import { unpackStream } from "./unpack-stream.ts";
import { treeUsage } from "./usage.ts";

/**
 * Entry of the confined child: does the requests that come, one after the other, until no more do. One that fails is the last.
 */
export async function confinedMain(): Promise<number> {
  try {
    dieWithParent();
    process.umask(0);
    const machine = openRoot();
    for (let request = readRequest(); request !== undefined; request = readRequest()) {
      report({ done: (await perform(request)) ?? null });
      if (isLastRequest(request)) break;
      leaveRoot(machine);
    }
    return 0;
  } catch (error) {
    report({ failed: cleanError(error) });
    return 1;
  }
}

const reportFd = 3;
const newline = 10;

/** The next line on the descriptor that reports go to; undefined once who started this child needs it no longer. */
function readRequest(): ConfinedRequest | undefined {
  const buffer = Buffer.allocUnsafe(64 << 10);
  let line = Buffer.alloc(0);
  while (line.at(-1) !== newline) {
    const read = readSync(reportFd, buffer);
    if (read === 0) return undefined;
    line = Buffer.concat([line, buffer.subarray(0, read)]);
  }
  return JSON.parse(line.toString()) as ConfinedRequest;
}

const report = (line: ConfinedReport): void => void writeSync(reportFd, `${JSON.stringify(line)}\n`);

async function perform(request: ConfinedRequest): Promise<unknown> {
  switch (request.op) {
    case "unpackLayer":
      return await unpackLayer(request);
    case "extract":
      enterRoot(request.root);
      return await extract(request, framedInput(0));
    case "pack":
      enterRoot(request.root);
      report({ ready: statPath(request.path) });
      return toOutput((output) => packPath(request.path, output));
    case "packContent":
      enterRoot(request.root);
      return packContent(request.path);
    case "unpackTree":
      enterRoot({ path: request.target });
      return await unpackStream(framedInput(0), new TreeWriter({ whiteouts: "literal" }));
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

async function unpackLayer({ blob, target }: Extract<ConfinedRequest, { op: "unpackLayer" }>): Promise<unknown> {
  const file = openSync(blob, "r");
  try {
    enterRoot({ path: target });
    const hash = createHash("sha256");
    const writer = new TreeWriter({ whiteouts: "overlay" });
    await unpackStream(fileInput(file), writer, {
      onPlain: (chunk) => hash.update(chunk),
      onRead: progressReporter(),
    });
    return { diffId: `sha256:${hash.digest("hex")}`, sizeBytes: writer.sizeBytes, inodes: writer.inodes };
  } finally {
    closeSync(file);
  }
}
