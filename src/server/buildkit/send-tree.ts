import { join } from "node:path";
import { IsleError } from "../../base/error.ts";
import { newId } from "../../base/id.ts";
import type { TarEntry } from "../../base/tar/entry.ts";
import { readTar } from "../../base/tar/read-tar.ts";
import type { BuildDeps } from "../../engine/build/deps.ts";
import type { OpenCall } from "../grpc/grpc-client.ts";
import { type FileStat, goMode, packets, packetType } from "./file-packets.ts";

/** A file of a tree, and where its content lies in the spool. */
interface SpooledFile {
  readonly stat: FileStat;
  readonly start: number;
}

/**
 * Sends the files of an archive the way BuildKit copies directories: first all names, then the contents that the client asks
 * for, in its order. The contents wait in a file meanwhile.
 */
export async function sendTree(deps: BuildDeps, call: OpenCall, archive: AsyncIterable<Uint8Array>): Promise<void> {
  const spool = join(deps.settings.paths.builds, `output-${newId()}`);
  try {
    const files = await spoolFiles(deps, archive, spool);
    for (const { stat } of files) await call.send(packets.encode({ type: packetType.stat, stat }));
    await call.send(packets.encode({ type: packetType.stat }));
    await answerRequests(deps, call, { files, spool });
  } finally {
    await deps.machine.removeTree(spool);
  }
}

async function spoolFiles(
  { machine }: BuildDeps,
  archive: AsyncIterable<Uint8Array>,
  spool: string,
): Promise<SpooledFile[]> {
  const files: SpooledFile[] = [];
  let bytes = 0;
  async function* contents(): AsyncGenerator<Uint8Array, void> {
    for await (const { entry, body } of readTar(archive)) {
      files.push({ stat: statOf(entry), start: bytes });
      for await (const chunk of body) {
        bytes += chunk.length;
        yield chunk;
      }
    }
  }
  for await (const _ of machine.saveWhileRead(spool, contents()));
  return files.sort((a, b) => inWalkOrder(a.stat.path, b.stat.path));
}

/** As a walk comes by them: a directory, what is in it, then its next sibling. */
function inWalkOrder(a: string, b: string): number {
  const [left, right] = [a, b].map((path) => path.split("/")) as [string[], string[]];
  const at = left.findIndex((part, index) => part !== right[index]);
  if (at === -1) return left.length - right.length;
  if (right[at] === undefined) return 1;
  return Buffer.compare(Buffer.from(left[at]!), Buffer.from(right[at]!));
}

async function answerRequests(
  { machine }: BuildDeps,
  call: OpenCall,
  { files, spool }: { files: readonly SpooledFile[]; spool: string },
): Promise<void> {
  let isDone = false;
  for await (const message of call.messages) {
    const { type, ID, data } = packets.decode(message);
    if (type === packetType.error) {
      throw new IsleError("unavailable", `the client cannot write the files: ${Buffer.from(data).toString()}`);
    }
    if (type === packetType.finish) {
      isDone = true;
      await call.send(packets.encode({ type: packetType.finish }));
      call.end();
    }
    const file = type === packetType.request ? files[ID] : undefined;
    if (!file) continue;
    const { start, stat } = file;
    if (stat.size > 0) {
      for await (const chunk of machine.openFile(spool, { start, end: start + stat.size - 1 })) {
        await call.send(packets.encode({ type: packetType.data, ID, data: chunk as Uint8Array }));
      }
    }
    await call.send(packets.encode({ type: packetType.data, ID }));
  }
  if (!isDone) throw new IsleError("unavailable", "the client broke off the transfer of the output's files");
}

const typeBits: Readonly<Record<TarEntry["type"], number>> = {
  file: 0,
  hardLink: 0,
  directory: goMode.directory,
  symlink: goMode.symlink,
  fifo: goMode.fifo,
  blockDevice: goMode.device,
  charDevice: goMode.device + goMode.character,
};

function statOf(entry: TarEntry): FileStat {
  const special = [
    [0o4000, goMode.setuid],
    [0o2000, goMode.setgid],
    [0o1000, goMode.sticky],
  ] as const;
  const bits = special.reduce((sum, [bit, value]) => sum + (entry.mode & bit ? value : 0), typeBits[entry.type]);
  return {
    path: text(entry.name).replace(/\/+$/, ""),
    mode: bits + (entry.mode & 0o777),
    ...{ uid: entry.uid, gid: entry.gid, size: entry.sizeBytes },
    modTime: String(entry.modifiedNanos),
    linkname: text(entry.linkName),
    ...{ devmajor: entry.deviceMajor, devminor: entry.deviceMinor },
    xattrs: Object.fromEntries(entry.xattrs),
  };
}

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString();
