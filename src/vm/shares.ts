import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { IsleError } from "../base/error.ts";
import { run } from "../os/process.ts";
import { cacheDirectory, findPart } from "./places.ts";
import type { Share } from "./plan/mounts.ts";

/** Debian 12 has it among QEMU's files, later releases as a program of its own. */
const servers = ["/usr/libexec/virtiofsd", "/usr/lib/qemu/virtiofsd", "/usr/lib/virtiofsd"];

/** Starts the server of the shared directories for one virtual machine, and returns the pids of what ends with the machine. */
export async function startShares(
  directory: string,
  shares: readonly Share[],
  cgroups: readonly string[],
): Promise<number[]> {
  const server = servers.find((path) => existsSync(path));
  if (!server) {
    throw new IsleError("unavailable", "virtiofsd is not installed, which microVMs with volumes need", {
      hint: "apt-get install virtiofsd, on Debian 12 qemu-system-common",
    });
  }
  // One place for all, since each has a mount namespace of its own; the machine's directory may get another name.
  const tree = join(cacheDirectory(), "shares");
  mkdirSync(tree, { recursive: true, mode: 0o700 });
  const args = [
    ...["share", "--dir", directory, "--tree", tree],
    ...cgroups.flatMap((group) => ["--group", group]),
    ...shares.flatMap(({ path, readonly, follows }) => [
      ...["--bind", `${readonly ? "ro" : "rw"}${follows ? "-slave" : ""}`, path],
    ]),
    ...["--", server, "--fd=10", "-o", `source=${tree}`, "-o", "cache=auto,xattr", "-f"],
  ];
  const { exitCode, stdout, stderr } = await run(findPart("isle-relay"), args);
  if (exitCode === 0) return stdout.trim().split(" ").map(Number).filter(Boolean);
  throw new IsleError("internal", `cannot share directories with a microVM: ${stderr.trim()}`);
}
