import { constants } from "node:os";
import { libc } from "../libc.ts";

const setParentDeathSignal = 1;

/** Has the kernel kill this process when the daemon that started it dies. */
export function dieWithParent(): void {
  libc.prctl(setParentDeathSignal, BigInt(constants.signals.SIGKILL), 0n, 0n, 0n);
}
