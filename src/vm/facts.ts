import { listKernels } from "./kernel/kernels.ts";
import { knownAcceleration } from "./qemu/acceleration.ts";

/** What is chosen for microVMs on this machine, for people. */
export function microvmFacts(): Record<string, string> {
  const { kind, reason } = knownAcceleration();
  return {
    "isle.vm.acceleration": `${kind === "kvm" ? "KVM" : "software emulation"}: ${reason}`,
    "isle.vm.kernel": listKernels()[0] ?? "fetched at the first start",
  };
}
