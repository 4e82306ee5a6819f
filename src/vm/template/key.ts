import { createHash } from "node:crypto";
import { statSync } from "node:fs";
import { protocolLimit } from "../generated/protocol.ts";
import type { GuestKernel } from "../kernel/kernels.ts";
import { qemuProgram } from "../launch.ts";
import { type MachineShape, qemuArguments, templateShape } from "../qemu/arguments.ts";

/** Names a template by all that must be the same in what is restored from it: another name is another template. */
export function templateKey(shape: MachineShape, kernel: GuestKernel, domain: string): string {
  return digestOf([machineKey({ ...shape, ...templateShape }, kernel), kernel.initrd, domain]);
}

/** Names what must be the same where a saved machine goes on: its hardware and who provides it. */
export function machineKey(shape: MachineShape, kernel: Pick<GuestKernel, "name">): string {
  const program = qemuProgram();
  const { size, mtimeMs, ino } = statSync(program);
  return digestOf([
    ...[program, size, mtimeMs, ino, kernel.name, protocolLimit.protocolVersion],
    ...qemuArguments({ ...shape, shared: false }, { kind: "restore" }),
  ]);
}

const digestOf = (parts: readonly unknown[]): string =>
  createHash("sha256").update(JSON.stringify(parts)).digest("hex").slice(0, 32);
