import { findKernel } from "../kernel/kernels.ts";

/** Fetches and makes what the first start would otherwise wait for. */
export async function prepareCommand(): Promise<void> {
  const { name } = await findKernel();
  process.stdout.write(`kernel of microVMs: ${name}\n`);
}
