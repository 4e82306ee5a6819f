import { formatPlatform, type Platform } from "../../base/platform.ts";

/** A program that the kernel starts for executables of another machine, as a file of binfmt_misc tells of it. */
export interface Emulator {
  readonly architecture: string;
  readonly enabled: boolean;
  /** The kernel has opened it already, so that it need not be among the files of the executable's root. */
  readonly fixed: boolean;
}

/** By the `e_machine` of ELF, with the class (1: 32 bits) and byte order (1: little) that the architecture's name stands for. */
const machines: ReadonlyArray<readonly [machine: number, bits: number, order: number, architecture: string]> = [
  [3, 1, 1, "386"],
  [8, 1, 2, "mips"],
  [8, 1, 1, "mipsle"],
  [8, 2, 2, "mips64"],
  [8, 2, 1, "mips64le"],
  [21, 2, 2, "ppc64"],
  [21, 2, 1, "ppc64le"],
  [22, 2, 2, "s390x"],
  [40, 1, 1, "arm"],
  [62, 2, 1, "amd64"],
  [183, 2, 1, "arm64"],
  [243, 2, 1, "riscv64"],
  [258, 2, 1, "loong64"],
];

const elf = [0x7f, 0x45, 0x4c, 0x46];

/** Reads one file of binfmt_misc; undefined for what emulates no architecture known here. */
export function parseEmulator(text: string): Emulator | undefined {
  const magic = Buffer.from(/^magic ([0-9a-f]+)$/m.exec(text)?.[1] ?? "", "hex");
  if (!/^offset 0$/m.test(text) || magic.length < 20 || elf.some((byte, at) => magic[at] !== byte)) return undefined;
  const [bits, order] = [magic[4], magic[5]];
  const machine = order === 2 ? magic.readUInt16BE(18) : magic.readUInt16LE(18);
  const architecture = machines.find(
    ([each, eachBits, eachOrder]) => each === machine && eachBits === bits && eachOrder === order,
  )?.[3];
  if (architecture === undefined) return undefined;
  return { architecture, enabled: /^enabled$/m.test(text), fixed: /^flags: .*F/m.test(text) };
}

/** Processors that run another architecture's programs themselves. */
const alike: Readonly<Record<string, readonly string[]>> = { amd64: ["386"] };

/** Why programs for a platform cannot run here, and the way out; undefined when they can. */
export function whyNotRunnable(
  platform: Platform,
  host: Platform,
  emulators: readonly Emulator[],
): { readonly why: string; readonly hint: string } | undefined {
  const { os, architecture } = platform;
  const shown = formatPlatform(platform);
  if (os !== host.os) return { why: `${shown} is another system`, hint: `leave ${shown} out` };
  if (architecture === host.architecture || alike[host.architecture]?.includes(architecture)) return undefined;
  const registered = emulators.filter((each) => each.architecture === architecture);
  if (registered.some(({ enabled, fixed }) => enabled && fixed)) return undefined;
  const install = `install one (on Debian and Ubuntu: apt-get install qemu-user-static), or leave ${shown} out`;
  if (registered.length === 0) {
    return { why: `no emulator for ${architecture} is registered with the kernel (binfmt_misc)`, hint: install };
  }
  if (!registered.some(({ enabled }) => enabled)) {
    return {
      why: `the emulator for ${architecture} is registered but disabled`,
      hint: "enable it in /proc/sys/fs/binfmt_misc",
    };
  }
  return {
    why: `the emulator for ${architecture} is registered without the flag F, so that containers do not see it`,
    hint: install,
  };
}
