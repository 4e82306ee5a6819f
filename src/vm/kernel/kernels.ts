import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { IsleError, invalid, messageOf, notFound } from "../../base/error.ts";
import { runOk } from "../../os/process.ts";
import { agentDigest, cacheDirectory, findPart } from "../places.ts";
import { makeInitramfs } from "./initramfs.ts";

/** A kernel for guests, with the initramfs that was made for it. */
export interface GuestKernel {
  readonly name: string;
  readonly image: string;
  readonly initrd: string;
  /** The beginning of the image: enough for QEMU where a guest goes on, which never reads its kernel again. */
  readonly stub: string;
}

const kernelsDirectory = (): string => join(cacheDirectory(), "kernels");
const chosenLink = (): string => join(kernelsDirectory(), ".chosen");
const validName = /^[a-zA-Z0-9][a-zA-Z0-9._+~-]{0,100}$/;

/** Names of the kernels that are there, the chosen one first. */
export function listKernels(): string[] {
  const names = existsSync(kernelsDirectory()) ? readdirSync(kernelsDirectory()).filter(isWhole).sort() : [];
  const chosen = chosenName();
  return chosen && names.includes(chosen) ? [chosen, ...names.filter((name) => name !== chosen)] : names.reverse();
}

const isWhole = (name: string): boolean =>
  validName.test(name) && existsSync(join(kernelsDirectory(), name, "vmlinuz"));

function chosenName(): string | undefined {
  try {
    return readlinkSync(chosenLink());
  } catch {
    return undefined;
  }
}

export function chooseKernel(name: string): void {
  if (!listKernels().includes(name))
    throw notFound(`no kernel ${name}: there are ${listKernels().join(", ") || "none"}`);
  const fresh = `${chosenLink()}.${process.pid}`;
  symlinkSync(name, fresh);
  renameSync(fresh, chosenLink());
}

/** The kernel of that name, or the chosen one; fetched from Debian's packages when there is none yet. */
export async function findKernel(name?: string): Promise<GuestKernel> {
  if (name !== undefined && !listKernels().includes(name)) {
    throw notFound(`no kernel ${name} for microVMs`, { hint: "see isle kernel ls" });
  }
  const found = name ?? listKernels()[0] ?? (await fetchKernel());
  return {
    name: found,
    image: join(kernelsDirectory(), found, "vmlinuz"),
    initrd: initrdOf(found),
    stub: stubOf(found),
  };
}

/** Its header says how many sectors of it are read before the kernel proper. */
function stubOf(name: string): string {
  const path = join(kernelsDirectory(), name, "stub");
  if (existsSync(path)) return path;
  const image = readFileSync(join(kernelsDirectory(), name, "vmlinuz"));
  const setupBytes = ((image[0x1f1] || 4) + 1) * 512;
  const fresh = `${path}.${process.pid}`;
  writeFileSync(fresh, image.subarray(0, setupBytes + 4096), { mode: 0o644 });
  renameSync(fresh, path);
  return path;
}

/** Made anew for each version of the agent. */
function initrdOf(name: string): string {
  const path = join(kernelsDirectory(), name, `initrd-${agentDigest()}`);
  if (existsSync(path)) return path;
  const content = makeInitramfs(findPart("isle-agent"), join(kernelsDirectory(), name, "modules"));
  const fresh = `${path}.${process.pid}`;
  writeFileSync(fresh, content, { mode: 0o644 });
  renameSync(fresh, path);
  return path;
}

/** Puts a kernel image with the directory of its modules among the kernels. */
export function addKernel(name: string, image: string, modules: string): string {
  if (!validName.test(name)) throw invalid(`invalid kernel name: ${name}`);
  if (!existsSync(image)) throw notFound(`no kernel image ${image}`);
  if (!existsSync(join(modules, "kernel"))) throw notFound(`no kernel modules in ${modules}`);
  const making = startMaking();
  try {
    cpSync(image, join(making, "vmlinuz"));
    cpSync(modules, join(making, "modules"), { recursive: true, filter: (path) => !/\/(build|source)$/.test(path) });
    return finishMaking(making, name);
  } catch (error) {
    rmSync(making, { recursive: true, force: true });
    throw error;
  }
}

function startMaking(): string {
  mkdirSync(kernelsDirectory(), { recursive: true, mode: 0o755 });
  return mkdtempSync(join(kernelsDirectory(), ".making-"));
}

/** Another process may have made the same meanwhile. */
function finishMaking(making: string, name: string): string {
  const target = join(kernelsDirectory(), name);
  rmSync(target, { recursive: true, force: true });
  try {
    renameSync(making, target);
  } catch (error) {
    rmSync(making, { recursive: true, force: true });
    if (!isWhole(name)) throw error;
  }
  return name;
}

const architectures: Readonly<Record<string, string>> = { x64: "amd64", arm64: "arm64" };

/** Debian's kernel for clouds, unpacked from its package without being installed. */
export async function fetchKernel(): Promise<string> {
  const making = startMaking();
  try {
    return await fetchInto(making);
  } catch (cause) {
    throw new IsleError("unavailable", `no kernel for microVMs: Debian's could not be fetched: ${messageOf(cause)}`, {
      hint: "apt-get update, or name a kernel with isle kernel add",
      cause,
    });
  } finally {
    rmSync(making, { recursive: true, force: true });
  }
}

async function fetchInto(making: string): Promise<string> {
  const architecture = architectures[process.arch] ?? process.arch;
  const packageName = await realPackage(`linux-image-cloud-${architecture}`);
  const version = packageName.replace(/^linux-image-/, "");
  if (isWhole(version)) return version;
  await runOk("apt-get", ["download", "-q", "-o", "APT::Sandbox::User=root", packageName], { cwd: making });
  const archive = readdirSync(making).find((name) => name.endsWith(".deb"));
  if (!archive) throw new IsleError("unavailable", `apt-get brought no package ${packageName}`);
  await runOk("dpkg-deb", ["-x", join(making, archive), join(making, "package")]);
  renameSync(join(making, "package/boot", `vmlinuz-${version}`), join(making, "vmlinuz"));
  const modules = ["lib/modules", "usr/lib/modules"].map((path) => join(making, "package", path, version));
  renameSync(modules.find((path) => existsSync(path)) ?? modules[0]!, join(making, "modules"));
  rmSync(join(making, "package"), { recursive: true });
  rmSync(join(making, archive));
  return finishMaking(making, version);
}

/** The package of today's version that the one without a version depends on. */
async function realPackage(name: string): Promise<string> {
  const look = () => runOk("apt-cache", ["depends", "--important", name]);
  const text = await look().catch(async () => {
    // A fresh system has no list of packages yet.
    await runOk("apt-get", ["update", "-qq"]);
    return look();
  });
  const found = /^\s*Depends: (linux-image-[\w.+~-]+)$/m.exec(text)?.[1];
  if (!found) throw new IsleError("unavailable", `apt knows no package ${name}`);
  return found;
}
