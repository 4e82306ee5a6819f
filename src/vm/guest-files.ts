import { statSync } from "node:fs";
import { PassThrough, type Readable } from "node:stream";
import { IsleError, notFound } from "../base/error.ts";
import type { GuestFiles, GuestRoot } from "../core/runtime.ts";
import { followProcess, type GuestExec } from "./exec-session.ts";
import { fieldTag, frameType } from "./generated/protocol.ts";
import { withHelper } from "./helper.ts";
import { field, u32 } from "./plan/fields.ts";
import { openRelay, type RelaySession } from "./relay-client.ts";
import { stateDirectory } from "./state.ts";

export interface GuestFilesOptions {
  readonly stateRoot: string;
  readonly scratch: string;
  readonly templates: string;
}

/** Files on disks that only guests mount: the instance's own while it runs, else one that is started for it. */
export function createGuestFiles(options: GuestFilesOptions): GuestFiles {
  const inGuest = async <T>(root: GuestRoot, work: (session: RelaySession) => Promise<T>): Promise<T> => {
    if (root.running) return work(await openRelay(stateDirectory(options.stateRoot, root.id)));
    return withHelper({ ...options, ...root }, (guest) => work(guest.session()));
  };
  return {
    usedBytes: (disk) => (statSync(disk, { throwIfNoEntry: false })?.blocks ?? 0) * 512,
    readChanges: (root, take) =>
      inGuest(root, async (session) => {
        const layer = new PassThrough();
        const order = field(fieldTag.operation, "layer");
        const [process, said] = operate(session, order, layer);
        const taken = take(layer);
        const ended = finish(process, said).then(
          () => void layer.end(),
          (error: Error) => void layer.destroy(error),
        );
        await taken;
        await ended;
      }),
    unpack: (root, { path, tar, owner, keepKind }) =>
      inGuest(root, async (session) => {
        const order = Buffer.concat([
          field(fieldTag.operation, "unpack"),
          field(fieldTag.path, path),
          field(fieldTag.openInput),
          ...(owner ? [field(fieldTag.owner, u32(owner.uid, owner.gid))] : []),
          ...(keepKind ? [field(fieldTag.flag, "keepKind")] : []),
        ]);
        const [process, said] = operate(session, order);
        const ended = finish(process, said);
        ended.catch(() => {});
        await process.started.catch(() => {});
        await pour(tar, process, ended);
        await ended;
      }),
  };
}

function operate(session: RelaySession, payload: Buffer, output?: PassThrough): [GuestExec, { text: string }] {
  const said = { text: "" };
  let process: GuestExec | undefined;
  process = followProcess(
    session,
    { type: frameType.files, payload },
    {
      onOutput(data) {
        if (!output || output.write(data)) return;
        process?.hold();
        output.once("drain", () => process?.go());
      },
      onErrors(data) {
        if (said.text.length < 4096) said.text += data.toString();
      },
    },
  );
  return [process, said];
}

/** What the guest could not do fails with its words. */
async function finish(process: GuestExec, said: { text: string }): Promise<void> {
  let code: number;
  try {
    code = await process.ended;
  } catch (error) {
    const text = (error as Error).message;
    if (text.startsWith("Could not find the file")) throw notFound(text.replace(/: [^:]*$/, ""));
    throw new IsleError("invalid", text, { cause: error });
  }
  if (code !== 0) throw new IsleError("invalid", said.text || `the guest could not do it (${code})`);
}

/** Stops when the guest has ended the work. */
async function pour(tar: Readable, process: GuestExec, ended: Promise<void>): Promise<void> {
  let over = false;
  const end = ended
    .catch(() => {})
    .then(() => {
      over = true;
    });
  for await (const chunk of tar) {
    if (over) break;
    await Promise.race([process.write(chunk as Uint8Array), end]);
  }
  if (!over) process.endInput();
}
