import { expect, test } from "bun:test";
import { execFileSync } from "node:child_process";
import { launcherScript, parseProcesses } from "./runsc.ts";

test("a path is one word of the launcher, whatever is in it", () => {
  const script = launcherScript("/opt/it's $(here)/runsc").replace(/^exec unshare .* '\/opt/m, "printf '%s\\n' '/opt");
  expect(execFileSync("sh", ["-c", script, "sh", "create"], { encoding: "utf8" })).toBe(
    "/opt/it's $(here)/runsc\ncreate\n",
  );
});

test("runsc's process list is read", () => {
  const text = [
    "UID       PID       PPID      C         TTY       STIME     TIME      CMD",
    "0         1         0         14        ?         23:39     10ms      httpd",
    "",
  ].join("\n");
  expect(parseProcesses(text)).toEqual([
    { uid: 0, pid: 1, ppid: 0, terminal: "?", startedAt: "23:39", cpuTime: "10ms", command: "httpd" },
  ]);
});
