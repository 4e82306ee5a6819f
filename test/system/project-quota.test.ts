import { expect, test } from "bun:test";
import { execFileSync, spawn } from "node:child_process";
import { globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { findProgram } from "../../src/os/find-program.ts";
import { type CpioEntry, makeCpio } from "../../src/vm/kernel/cpio.ts";

/**
 * Kernels of test machines may know no project quotas, so that this runs in a guest: Debian's kernel, a program that
 * uses our drivers, and a disk each with XFS and ext4.
 */
const qemu = findProgram("qemu-system-x86_64");
const kernel = globSync("/var/cache/isle/kernels/*/vmlinuz").sort().at(-1);
const modules = ["xfs", "libcrc32c", "quota_tree", "quota_v2", "virtio", "virtio_ring", "virtio_blk"];
const pciModules = ["virtio_pci", "virtio_pci_legacy_dev", "virtio_pci_modern_dev"];
const programs = ["cp", "setpriv", "sync", "rm", "truncate"];
const missing =
  !qemu || !kernel || process.arch !== "x64" || !findProgram("mkfs.xfs") || modulePaths().length < modules.length;
if (missing) console.log("SKIPPED project quotas: QEMU, mkfs.xfs or a kernel with xfs and quota_v2 is missing");

function modulePaths(): string[] {
  if (!kernel) return [];
  const all = globSync(join(kernel, "../modules/kernel/**/*.ko"));
  return [...modules, ...pciModules].flatMap((name) => all.filter((path) => basename(path) === `${name}.ko`));
}

const init = `#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/programs:/bin
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev
for round in 1 2 3 4; do for module in /modules/*.ko; do insmod $module 2>/dev/null; done; done
mount -t xfs -o prjquota /dev/vda /xfs; mount -t ext4 -o prjquota /dev/vdb /ext4
for at in /xfs /ext4; do /programs/program $at; done
echo THE END
poweroff -f
`;

function makeInitramfs(program: string): Buffer {
  const directories = ["bin", "programs", "modules", "proc", "sys", "dev", "tmp", "xfs", "ext4", "lib64", "lib"];
  const file = (name: string, path: string): CpioEntry => ({ name, mode: 0o100755, content: readFileSync(path) });
  const found = [program, ...programs.map((name) => findProgram(name)!)];
  const libraries = found.flatMap((path) => [
    ...execFileSync("ldd", [path], { encoding: "utf8" }).matchAll(/(?:=> )?(\/lib\S*)/g),
  ]);
  const paths = [...new Set(libraries.map(([, path]) => path!))];
  const nested = [...new Set(paths.map((path) => path.slice(1, path.lastIndexOf("/"))))];
  return makeCpio([
    ...[...new Set([...directories, ...nested])].map((name) => ({ name, mode: 0o40755 })),
    { name: "dev/console", mode: 0o20600, device: [5, 1] },
    { name: "init", mode: 0o100755, content: Buffer.from(init) },
    file("bin/busybox", "/usr/bin/busybox"),
    file("programs/program", program),
    ...programs.map((name) => file(`programs/${name}`, findProgram(name)!)),
    ...paths.map((path) => file(path.slice(1), path)),
    ...modulePaths().map((path) => file(`modules/${basename(path)}`, path)),
  ]);
}

test.skipIf(missing)(
  "XFS and ext4 with project quotas limit volumes, what is restored and cloned, and roots, without an image",
  async () => {
    const directory = mkdtempSync(join(tmpdir(), "isle-quota-"));
    try {
      const results = await runGuest(directory);
      for (const at of ["/xfs", "/ext4"]) {
        const { entries, method, left, free, ...limited } = results.find((each) => each["at"] === at) ?? {};
        expect([at, entries, left, free]).toEqual([at, ["_data"], [], 40 << 20]);
        expect(method).toBe(at === "/xfs" ? "reflink" : "copy");
        for (const kind of ["created", "restored", "cloned", "filled", "root"]) {
          expect([kind, Number(limited[kind])]).toEqual([kind, expect.any(Number)]);
          expect(Number(limited[kind])).toBeLessThanOrEqual(8 << 20);
          expect(Number(limited[kind])).toBeGreaterThan(6 << 20);
        }
      }
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  },
  300_000,
);

async function runGuest(directory: string): Promise<Record<string, unknown>[]> {
  const [program, initramfs] = [join(directory, "program"), join(directory, "initramfs")];
  const source = join(import.meta.dirname, "../support/project-quota-program.ts");
  execFileSync(process.execPath, ["build", "--compile", source, "--outfile", program], { stdio: "pipe" });
  writeFileSync(initramfs, makeInitramfs(program));
  const disks = [
    { file: join(directory, "xfs"), make: ["mkfs.xfs", "-q"] },
    { file: join(directory, "ext4"), make: ["mkfs.ext4", "-q", "-F", "-O", "project,quota"] },
  ];
  for (const { file, make } of disks) {
    execFileSync("truncate", ["-s", "400M", file]);
    execFileSync(make[0]!, [...make.slice(1), file], { stdio: "pipe" });
  }
  const machine = [
    "-machine",
    "q35,accel=tcg",
    "-cpu",
    "max",
    "-m",
    "1024",
    "-nographic",
    "-no-reboot",
    "-net",
    "none",
  ];
  const boot = ["-kernel", kernel!, "-initrd", initramfs, "-append", "console=ttyS0 quiet panic=1"];
  const drives = disks.flatMap(({ file }) => ["-drive", `file=${file},if=virtio,format=raw`]);
  const said = await outputOf(["setpriv", "--pdeathsig", "KILL", qemu!, ...machine, ...boot, ...drives]);
  const results = [...said.matchAll(/RESULT (\{.*\})/g)].map(([, json]) => JSON.parse(json!));
  if (results.length < 2 || !said.includes("THE END")) throw new Error(`the guest said: ${said.slice(-3000)}`);
  return results;
}

function outputOf([program, ...args]: string[]): Promise<string> {
  const child = spawn(program!, args, { stdio: ["ignore", "pipe", "pipe"] });
  let said = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (chunk: Buffer) => {
      said += chunk.toString();
    });
  }
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", () => resolve(said));
  });
}
