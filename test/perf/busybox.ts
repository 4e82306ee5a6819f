import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** A root file system of busybox-static as a tar file. */
export function writeBusyboxRoot(directory: string): string {
  const root = join(directory, "busybox");
  for (const path of ["bin", "etc", "tmp", "root"]) mkdirSync(join(root, path), { recursive: true });
  copyFileSync("/bin/busybox", join(root, "bin/busybox"));
  for (const applet of execFileSync("/bin/busybox", ["--list"], { encoding: "utf8" }).trim().split("\n")) {
    if (applet !== "busybox") symlinkSync("busybox", join(root, "bin", applet));
  }
  writeFileSync(join(root, "etc/passwd"), "root:x:0:0:root:/root:/bin/sh\n");
  writeFileSync(join(root, "etc/group"), "root:x:0:\n");
  const tar = join(directory, "busybox.tar");
  execFileSync("tar", ["-C", root, "-cf", tar, "."]);
  return tar;
}
