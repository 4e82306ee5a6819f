import { createHash } from "node:crypto";
import { statSync } from "node:fs";
import type { GuestKernel } from "../kernel/kernels.ts";
import { qemuProgram } from "../launch.ts";
import { type MachineShape, qemuArguments } from "../qemu/arguments.ts";

/** Names a template by all that must be the same in what is restored from it: another name is another template. */
export function templateKey(shape: MachineShape, kernel: GuestKernel, domain: string): string {
  const program = qemuProgram();
  const { size, mtimeMs, ino } = statSync(program);
  const parts = [
    program,
    size,
    mtimeMs,
    ino,
    kernel.name,
    kernel.initrd,
    domain,
    ...qemuArguments({ ...shape, shared: false }, { kind: "restore" }),
  ];
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex").slice(0, 32);
}
