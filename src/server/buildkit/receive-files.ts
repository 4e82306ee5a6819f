import { type ContextFacts, factsEntry } from "../../base/context-facts.ts";
import { IsleError } from "../../base/error.ts";
import { encodeEntry, endOfArchive, padding } from "../../base/tar/encode.ts";
import { type TarEntry, type TarEntryType, tarEntry } from "../../base/tar/entry.ts";
import type { OpenCall } from "../grpc/grpc-client.ts";
import { type FileStat, goMode, has, type Packet, packets, packetType } from "./file-packets.ts";

/**
 * The files of a directory of the client's as a tar archive. The client first tells all files, then sends the contents
 * that are asked for by their place in that list: those whose facts are not `known`. The archive ends with the facts of all.
 */
export async function* receiveFiles(call: OpenCall, known: ContextFacts | undefined): AsyncGenerator<Uint8Array, void> {
  const incoming = call.messages[Symbol.asyncIterator]();
  const next = async (): Promise<Packet> => {
    const { value, done } = await incoming.next();
    if (done) throw new IsleError("unavailable", "the client ended the transfer of its files");
    const packet = packets.decode(value);
    if (packet.type === packetType.error) {
      throw new IsleError("unavailable", `the client cannot send its files: ${Buffer.from(packet.data).toString()}`);
    }
    return packet;
  };
  const stats = await readStats(next);
  const isKnown = (stat: FileStat): boolean => typeOf(stat) === "file" && known?.get(stat.path) === factOf(stat);
  for (const batch of batches(stats, isKnown)) yield* receiveBatch(call, batch, next);
  await call.send(packets.encode({ type: packetType.finish }));
  call.end();
  if (known) yield* factsEntry(new Map(stats.map((stat) => [stat.path, factOf(stat)])));
  yield endOfArchive();
}

const factOf = ({ mode, uid, gid, size, modTime, linkname, devmajor, devminor }: FileStat): string =>
  [mode, uid, gid, size, modTime, devmajor, devminor, linkname].join(" ");

/** Up to the packet without a file, which ends the list. */
async function readStats(next: () => Promise<Packet>): Promise<FileStat[]> {
  const stats: FileStat[] = [];
  for (;;) {
    const { type, stat } = await next();
    if (type !== packetType.stat) continue;
    if (stat === null) return stats;
    stats.push(stat);
  }
}

interface Item {
  readonly id: number;
  readonly stat: FileStat;
}

const batchBytes = 8 << 20;
const batchFiles = 256;

/** Runs of files whose contents are asked for at a time; a large one goes alone. */
function* batches(stats: readonly FileStat[], isKnown: (stat: FileStat) => boolean): Generator<Item[]> {
  let batch: Item[] = [];
  let bytes = 0;
  for (const [id, stat] of stats.entries()) {
    if (isKnown(stat)) continue;
    const size = hasContent(stat) ? stat.size : 0;
    if (batch.length > 0 && (bytes + size > batchBytes || batch.length >= batchFiles)) {
      yield batch;
      [batch, bytes] = [[], 0];
    }
    batch.push({ id, stat });
    bytes += size;
  }
  if (batch.length > 0) yield batch;
}

const hasContent = (stat: FileStat): boolean => typeOf(stat) === "file" && stat.size > 0;

async function* receiveBatch(
  call: OpenCall,
  batch: readonly Item[],
  next: () => Promise<Packet>,
): AsyncGenerator<Uint8Array, void> {
  const wanted = batch.filter(({ stat }) => hasContent(stat));
  for (const { id } of wanted) await call.send(packets.encode({ type: packetType.request, ID: id }));
  if (batch.length === 1 && wanted.length === 1) {
    yield encodeEntry(entryOf(wanted[0]!.stat));
    yield* exactly(wanted[0]!.stat, contentOf(next));
    return;
  }
  const contents = new Map<number, Uint8Array[]>(wanted.map(({ id }) => [id, []]));
  for (let open = wanted.length; open > 0; ) {
    const { type, ID, data } = await next();
    if (type !== packetType.data) continue;
    if (data.length === 0) open -= 1;
    else contents.get(ID)?.push(Uint8Array.from(data));
  }
  for (const { id, stat } of batch) {
    yield encodeEntry(entryOf(stat));
    if (hasContent(stat)) yield* exactly(stat, contents.get(id) ?? []);
  }
}

async function* contentOf(next: () => Promise<Packet>): AsyncGenerator<Uint8Array, void> {
  for (;;) {
    const { type, data } = await next();
    if (type !== packetType.data) continue;
    if (data.length === 0) return;
    yield Uint8Array.from(data);
  }
}

/** As many bytes as the file's header promises, whatever became of the file meanwhile. */
async function* exactly(
  { size, path }: FileStat,
  content: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void> {
  let left = size;
  for await (const chunk of content) {
    const part = chunk.subarray(0, left);
    left -= part.length;
    yield part;
  }
  if (left > 0) throw new IsleError("conflict", `${path} became shorter while it was sent`);
  yield padding(size);
}

function typeOf({ mode, linkname }: FileStat): TarEntryType {
  if (has(mode, goMode.directory)) return "directory";
  if (has(mode, goMode.symlink)) return "symlink";
  if (has(mode, goMode.device)) return has(mode, goMode.character) ? "charDevice" : "blockDevice";
  if (has(mode, goMode.fifo)) return "fifo";
  return linkname === "" ? "file" : "hardLink";
}

/** In a build context everything belongs to root. */
function entryOf(stat: FileStat): TarEntry {
  const type = typeOf(stat);
  const special = (has(stat.mode, goMode.setuid) ? 0o4000 : 0) | (has(stat.mode, goMode.setgid) ? 0o2000 : 0);
  return tarEntry(type === "directory" ? `${stat.path}/` : stat.path, type, {
    mode: (stat.mode & 0o777) | special | (has(stat.mode, goMode.sticky) ? 0o1000 : 0),
    linkName: Buffer.from(stat.linkname),
    sizeBytes: type === "file" ? stat.size : 0,
    modifiedNanos: BigInt(Math.round(Number(stat.modTime))),
    deviceMajor: stat.devmajor,
    deviceMinor: stat.devminor,
  });
}
