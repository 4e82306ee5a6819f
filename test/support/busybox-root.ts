import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { copyFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runCommand } from "./namespaces.ts";

const passwd = ["root:x:0:0:root:/root:/bin/sh", "ann:x:1000:1000:Ann:/home/ann:/bin/sh", ""].join("\n");
const group = ["root:x:0:", "wheel:x:10:root,ann", "ann:x:1000:", "extra:x:2000:ann", ""].join("\n");

let made: Promise<Buffer> | undefined;

/** A tar archive of a root with busybox, all its commands, and a user `ann` (1000) in the group `extra` (2000). */
export const busyboxRoot = (): Promise<Buffer> => (made ??= makeRoot());

async function makeRoot(): Promise<Buffer> {
  const root = mkdtempSync(join(tmpdir(), "isle-busybox-"));
  try {
    for (const name of ["bin", "dev", "etc", "home/ann", "proc", "root", "sys", "tmp", "usr/bin", "var/data"]) {
      mkdirSync(join(root, name), { recursive: true });
    }
    await copyFile("/bin/busybox", join(root, "bin/busybox"));
    const { stdout } = await runCommand(["/bin/busybox", "--list"]);
    const commands = stdout.split("\n").filter((name) => name !== "" && name !== "busybox");
    for (const name of commands) symlinkSync("busybox", join(root, "bin", name));
    writeFileSync(join(root, "etc/passwd"), passwd);
    writeFileSync(join(root, "etc/group"), group);
    writeFileSync(join(root, "var/data/seed"), "from the image\n");
    await runCommand(["chmod", "1777", join(root, "tmp")]);
    await runCommand(["chmod", "755", root]);
    const archive = join(root, "..", `${root.split("/").at(-1)}.tar`);
    await runCommand(["tar", "-C", root, "--owner=0", "--group=0", "--numeric-owner", "-cf", archive, "."]);
    const data = readFileSync(archive);
    rmSync(archive);
    return data;
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}
