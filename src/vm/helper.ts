import { existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { IsleError } from "../base/error.ts";
import { DirectGuest } from "./direct-session.ts";
import { makeDisk } from "./disk.ts";
import { fieldTag, frameType } from "./generated/protocol.ts";
import { findKernel } from "./kernel/kernels.ts";
import { launchMachine } from "./launch.ts";
import { defaultDiskBytes, defaultDomain } from "./machine.ts";
import { connectIn } from "./monitor.ts";
import { machineFiles, machineUser } from "./places.ts";
import { type FrameType, field } from "./plan/fields.ts";
import { helperShape } from "./plan/shape.ts";
import { knownAcceleration } from "./qemu/acceleration.ts";
import { processorOf } from "./qemu/counter.ts";
import { failureOf, type RelaySession } from "./relay-client.ts";
import { letGoOn } from "./template/go-on.ts";
import { findTemplate } from "./template/template.ts";

export interface HelperWish {
  /** Where its sockets may lie. */
  readonly scratch: string;
  readonly templates: string;
  readonly image: string;
  readonly disk: string;
}

/** Runs `work` on a machine that has mounted the disks of an instance that is stopped, and nothing else. */
export async function withHelper<T>(wish: HelperWish, work: (guest: DirectGuest) => Promise<T>): Promise<T> {
  mkdirSync(wish.scratch, { recursive: true, mode: 0o700 });
  const directory = mkdtempSync(join(wish.scratch, "helper-"));
  try {
    if (!existsSync(wish.disk)) await makeDisk(wish.disk, defaultDiskBytes, machineUser);
    await start(wish, directory);
    const life = await connectIn(directory, machineFiles.life);
    try {
      const guest = new DirectGuest(await connectIn(directory, machineFiles.guest));
      await ask(guest.session(), frameType.setup, field(fieldTag.rootDisk));
      const result = await work(guest);
      await ask(guest.session(), frameType.finish);
      return result;
    } finally {
      life.destroy();
    }
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

async function start({ templates, image, disk }: HelperWish, directory: string): Promise<void> {
  const kernel = await findKernel();
  const shape = helperShape(processorOf(knownAcceleration().kind));
  const template = findTemplate({ directory: templates, shape, kernel, domain: defaultDomain, user: machineUser });
  await launchMachine({
    directory,
    shape,
    start: { kind: template ? "restore" : "boot" },
    files: { kernel, image, disk, ...template },
    cgroups: [],
    user: machineUser,
  });
  if (template) await letGoOn(directory, shape);
}

const patienceMs = 120_000;

function ask(session: RelaySession, type: FrameType, payload?: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (text: string) => reject(new IsleError("internal", `the disk of a microVM cannot be read: ${text}`));
    const timer = setTimeout(() => fail("its guest does not answer"), patienceMs);
    session.onFrame((answer) => {
      clearTimeout(timer);
      if (answer.type === frameType.done) resolve();
      else fail(failureOf(answer).text);
    });
    void session.closed.then(() => fail("its guest ended"));
    session.send(type, payload);
  });
}
