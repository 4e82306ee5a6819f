import { tmpdir } from "node:os";
import { join } from "node:path";
import type { OciSpec } from "../core/oci-spec.ts";
import type { SeccompSection } from "../os/seccomp.ts";

/** The system call filter as the kernel takes it: the engine's own compilation, or one made here. */
export async function filterOf({ linux, annotations }: OciSpec): Promise<Uint8Array | undefined> {
  if (!linux.seccomp) return undefined;
  const compiled = annotations?.["run.oci.seccomp_bpf_data"];
  if (compiled) return Buffer.from(compiled, "base64");
  // Loaded only here, since most starts come with a filter that is compiled.
  const { compileSeccomp } = await import("../os/seccomp.ts");
  return compileSeccomp(linux.seccomp as SeccompSection, join(tmpdir(), `isle-filter-${crypto.randomUUID()}`));
}
