import { createHash } from "node:crypto";
import type { Readable } from "node:stream";
import { Readable as NodeReadable } from "node:stream";
import { invalid } from "../../base/error.ts";
import type { VolumeRecord } from "../../core/volume.ts";
import type { InstanceDeps } from "../instance/deps.ts";
import { type CreateVolumeRequest, newVolume } from "./create.ts";
import { onNewVolume } from "./snapshots.ts";
import { withUsersHeld } from "./still.ts";
import { findVolume } from "./volumes.ts";

/** What ends an export: after the tar's own end, where tar programs do not look, one block with the digest of the tar. */
const trailerBytes = 512;
const trailerOf = (hex: string): Buffer => {
  const block = Buffer.alloc(trailerBytes);
  block.write(`isle volume export, sha256:${hex}\n`);
  return block;
};

/**
 * The content of a volume at this moment, or of a snapshot, as tar. The instances that write are frozen only until a
 * still copy is there; the copy is gone when the stream ends, however it ends.
 */
export async function exportVolume(deps: InstanceDeps, name: string, snapshot?: string): Promise<Readable> {
  const tree = await withUsersHeld(deps, name, { still: snapshot === undefined }, () =>
    deps.volumeDriver.open({ volume: findVolume(deps, name), snapshot }),
  );
  return NodeReadable.from(withTrailer(deps.archive.packTree(tree.path), tree.close), { objectMode: false });
}

async function* withTrailer(tar: Readable, close: () => Promise<void>): AsyncGenerator<Buffer, void> {
  const hash = createHash("sha256");
  try {
    for await (const chunk of tar as AsyncIterable<Buffer>) {
      hash.update(chunk);
      yield chunk;
    }
    yield trailerOf(hash.digest("hex"));
  } finally {
    tar.destroy();
    await close();
  }
}

/**
 * Makes a volume of an export. It appears only once all of it was read and its digest fits. After a failure the rest
 * of the source can still be read.
 */
export async function importVolume(
  deps: InstanceDeps,
  request: CreateVolumeRequest,
  source: Readable,
): Promise<VolumeRecord> {
  if (request.name === "") throw invalid("a volume that is imported wants a name");
  const volume = newVolume(request);
  await onNewVolume(deps, volume, () =>
    deps.volumeDriver.create(volume, async (path) => {
      let verified = false;
      const tar = withoutTrailer(source.iterator({ destroyOnReturn: false }), () => {
        verified = true;
      });
      await deps.archive.unpackTree(path, NodeReadable.from(tar, { objectMode: false }));
      if (!verified) throw invalid("the archive ended before its checksum was read");
    }),
  );
  return volume;
}

/** Passes on all but the last block, and fails at the end when that is not the digest of what went before. */
async function* withoutTrailer(
  source: AsyncIterable<Uint8Array>,
  onVerified: () => void,
): AsyncGenerator<Buffer, void> {
  const hash = createHash("sha256");
  let rest = Buffer.alloc(0);
  for await (const chunk of source) {
    rest = Buffer.concat([rest, chunk]);
    if (rest.length <= trailerBytes) continue;
    const ready = rest.subarray(0, rest.length - trailerBytes);
    rest = Buffer.from(rest.subarray(ready.length));
    hash.update(ready);
    yield ready;
  }
  if (!rest.subarray(0, 27).equals(trailerOf("").subarray(0, 27))) {
    throw invalid("the archive has no checksum at its end: it was cut short, or isle volume export did not make it");
  }
  if (!rest.equals(trailerOf(hash.digest("hex")))) {
    throw invalid("the archive does not match its checksum: it was changed or damaged on its way", {
      hint: "export the volume again",
    });
  }
  onVerified();
}
