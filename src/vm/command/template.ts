import { spawn } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { isCode } from "../../base/error.ts";
import type { OciSpec } from "../../core/oci-spec.ts";
import { takeLock } from "../../os/lock-file.ts";
import { annotation } from "../annotations.ts";
import type { CommandLine } from "../command-line.ts";
import { findKernel } from "../kernel/kernels.ts";
import { defaultDomain } from "../machine.ts";
import { machineUser, templatesDirectory } from "../places.ts";
import type { MachineShape } from "../qemu/arguments.ts";
import type { MachineState } from "../state.ts";
import { templateKey } from "../template/key.ts";
import { findTemplate, makeTemplate } from "../template/template.ts";

interface Wanted {
  readonly shape: MachineShape;
  readonly kernel: string;
  readonly domain: string;
}

/** Under an engine that has no pool nobody else makes templates: a process that stays behind does. */
export async function leaveTemplateMaker(spec: OciSpec, { shape, kernel }: MachineState): Promise<void> {
  const wanted: Wanted = { shape, kernel, domain: annotation(spec, "domain") ?? defaultDomain };
  const key = templateKey(shape, await findKernel(kernel), wanted.domain);
  if (existsSync(join(templatesDirectory(), key))) return;
  const args = ["template", JSON.stringify(wanted)];
  spawn(process.execPath, args, { argv0: "isle-vm", stdio: "ignore", detached: true }).unref();
}

/** Makes the template for a machine unless it is there or another process is at it. */
export async function templateCommand({ words: [wanted = ""] }: CommandLine): Promise<void> {
  const { shape, kernel, domain } = JSON.parse(wanted) as Wanted;
  const directory = templatesDirectory();
  mkdirSync(directory, { recursive: true, mode: 0o711 });
  try {
    const release = takeLock(join(directory, ".lock"));
    const wish = { directory, shape, kernel: await findKernel(kernel), domain, user: machineUser };
    if (!findTemplate(wish)) await makeTemplate(wish);
    release();
  } catch (error) {
    if (!isCode(error, "conflict")) throw error;
  }
}
