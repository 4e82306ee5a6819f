import { existsSync } from "node:fs";
import type { Readable } from "node:stream";
import { StringDecoder } from "node:string_decoder";
import { IsleError } from "../../../base/error.ts";
import type { BaseSystem, BaseSystemRequest } from "../../../core/base-system.ts";
import { run, spawnError, start } from "../../../os/process.ts";
import { aptSources, keyringOf, type Suite } from "./suites.ts";

/** Builds Debian or Ubuntu with mmdebstrap, which checks every package against the archive's signature. */
export async function buildDebian(suite: Suite, request: BaseSystemRequest): Promise<BaseSystem> {
  await requireMmdebstrap();
  const keyring = keyringOf(suite);
  if (!existsSync(keyring.file)) {
    throw new IsleError("unavailable", `the keys of ${suite.distribution}'s archive are not installed`, {
      hint: `apt-get install ${keyring.package}`,
    });
  }
  const args = mmdebstrapArgs(suite, keyring.file, { mirrors: await machineMirrors(), packages: request.packages });
  return {
    config: {
      Env: ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
      Cmd: ["bash"],
    },
    tar: output(args, request),
  };
}

/** The command line that writes the root as tar to its standard output. */
export function mmdebstrapArgs(
  suite: Suite,
  keyring: string,
  { mirrors, packages }: { mirrors: readonly string[]; packages: readonly string[] },
): string[] {
  const paths = ["/usr/share/doc/*", "/usr/share/man/*", "/usr/share/info/*", "/usr/share/locale/*"];
  return [
    "--variant=minbase",
    "--format=tar",
    `--keyring=${keyring}`,
    '--aptopt=Apt::Install-Recommends "false"',
    '--aptopt=Acquire::Retries "3"',
    ...paths.map((path) => `--dpkgopt=path-exclude=${path}`),
    "--dpkgopt=path-include=/usr/share/doc/*/copyright",
    // What differs from run to run or names the machine it was built on.
    "--customize-hook=rm -f $1/var/cache/ldconfig/aux-cache $1/etc/hostname $1/etc/resolv.conf $1/etc/machine-id",
    '--customize-hook=find "$1/var/log" -type f -delete',
    ...(packages.length > 0 ? [`--include=${packages.join(",")}`] : []),
    suite.codename,
    "-",
    ...aptSources(suite, mirrors),
  ];
}

async function requireMmdebstrap(): Promise<void> {
  try {
    await run("mmdebstrap", ["--version"]);
  } catch (cause) {
    throw new IsleError("unavailable", "mmdebstrap is not installed", { hint: "apt-get install mmdebstrap", cause });
  }
}

/** Base URLs of the archives this machine installs packages from. */
async function machineMirrors(): Promise<string[]> {
  const found = await run("apt-get", ["indextargets", "--format", "$(REPO_URI)", "Created-By: Packages"]).catch(
    () => undefined,
  );
  const urls = (found?.stdout ?? "").split("\n").map((line) => line.trim().replace(/\/+$/, ""));
  return [...new Set(urls)].filter((url) => /^https?:\/\/[^@\s]+$/.test(url));
}

async function* output(args: readonly string[], request: BaseSystemRequest): AsyncGenerator<Uint8Array> {
  const { date, onLine, signal } = request;
  const child = start("mmdebstrap", args, {
    stdio: ["ignore", "pipe", "pipe"],
    env: {
      PATH: process.env["PATH"] ?? "",
      LC_ALL: "C.UTF-8",
      TZ: "UTC",
      SOURCE_DATE_EPOCH: String(Math.floor(date.getTime() / 1000)),
      ...(process.env["TMPDIR"] && { TMPDIR: process.env["TMPDIR"] }),
    },
    ...(signal && { signal }),
  });
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once("error", (error) => reject(spawnError("mmdebstrap", error)));
    child.once("close", resolve);
  });
  ended.catch(() => {});
  const lastLines = followLines(child.stderr!, onLine);
  let whole = false;
  try {
    yield* child.stdout as AsyncIterable<Buffer>;
    whole = true;
  } finally {
    if (!whole) child.kill("SIGTERM");
  }
  const exitCode = await ended;
  if (exitCode !== 0) throw new IsleError("unavailable", `mmdebstrap failed: ${lastLines().join(" | ")}`);
}

const keptLines = 5;

/** Passes on each line, and keeps the last ones for an error's text. */
function followLines(stream: Readable, onLine: (line: string) => void): () => string[] {
  const decoder = new StringDecoder("utf8");
  const last: string[] = [];
  let rest = "";
  stream.on("data", (chunk: Buffer) => {
    const lines = (rest + decoder.write(chunk)).split(/[\r\n]+/);
    rest = lines.pop() ?? "";
    for (const line of lines.filter((each) => each.trim() !== "")) {
      last.push(line);
      if (last.length > keptLines) last.shift();
      onLine(line);
    }
  });
  return () => last;
}
