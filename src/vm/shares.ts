import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { IsleError, messageOf } from "../base/error.ts";
import { findPart } from "./places.ts";
import type { Share } from "./plan/mounts.ts";

/** Debian 12 has it among QEMU's files, later releases as a program of its own. */
const servers = ["/usr/libexec/virtiofsd", "/usr/lib/qemu/virtiofsd", "/usr/lib/virtiofsd"];

/** Starts the server of the shared directories for one virtual machine, and returns its pid. It ends with the machine. */
export function startShares(directory: string, shares: readonly Share[], cgroups: readonly string[]): number {
  const server = servers.find((path) => existsSync(path));
  if (!server) {
    throw new IsleError("unavailable", "virtiofsd is not installed, which microVMs with volumes need", {
      hint: "apt-get install virtiofsd, on Debian 12 qemu-system-common",
    });
  }
  const args = [
    ...["share", "--dir", directory],
    ...cgroups.flatMap((group) => ["--group", group]),
    ...shares.flatMap(({ path, readonly, follows }) => [
      ...["--bind", `${readonly ? "ro" : "rw"}${follows ? "-slave" : ""}`, path],
    ]),
    ...["--", server, "--fd=10", "-o", `source=${join(directory, "tree")}`, "-o", "cache=auto,xattr", "-f"],
  ];
  try {
    return Number(execFileSync(findPart("isle-relay"), args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] }));
  } catch (cause) {
    const said = String((cause as { stderr?: string }).stderr ?? messageOf(cause)).trim();
    throw new IsleError("internal", `cannot share directories with a microVM: ${said}`, { cause });
  }
}
