import { findKernel } from "../kernel/kernels.ts";
import { knownAcceleration, needsProbe, probeAcceleration } from "../qemu/acceleration.ts";

/** Fetches and makes what the first start would otherwise wait for. */
export async function prepareCommand(): Promise<void> {
  const kernel = await findKernel();
  const { kind, reason } = needsProbe() ? await probeAcceleration(kernel) : knownAcceleration();
  process.stdout.write(`kernel of microVMs: ${kernel.name}\nacceleration: ${kind}: ${reason}\n`);
}
