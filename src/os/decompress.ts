import { once } from "node:events";
import { Readable } from "node:stream";
import { IsleError, invalid } from "../base/error.ts";
import { start } from "./process.ts";

/** Memory is bounded: the format lets an archive ask for gigabytes. */
const programs = {
  xz: ["xz", "--decompress", "--stdout", "--quiet", "--memlimit-decompress=512MiB"],
  bzip2: ["bzip2", "--decompress", "--stdout", "--quiet"],
} as const;

const packages = { xz: "xz-utils", bzip2: "bzip2" } as const;

/** Decompresses with a program of the machine, which the kernel ends with this process. */
export async function* decompressWithProgram(
  compression: keyof typeof programs,
  source: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void> {
  const args = ["--pdeathsig", "KILL", "--", ...programs[compression]];
  const child = start("setpriv", args, { stdio: "pipe", env: { PATH: "/usr/bin:/bin", LC_ALL: "C" } });
  const ended = once(child, "close") as Promise<[number | null]>;
  ended.catch(() => {});
  let said = "";
  child.stderr!.on("data", (chunk: Buffer) => {
    if (said.length < 1000) said += chunk.toString();
  });
  let inputError: unknown;
  const input = Readable.from(source, { objectMode: false });
  input.once("error", (error) => {
    inputError = error;
    child.kill("SIGKILL");
  });
  // A program that has seen enough stops reading.
  child.stdin!.on("error", () => {});
  input.pipe(child.stdin!);
  try {
    yield* child.stdout as AsyncIterable<Uint8Array>;
    const [exitCode] = await ended;
    if (inputError !== undefined) throw inputError;
    if (exitCode !== 0) throw failure(compression, exitCode, said);
  } finally {
    input.destroy();
    child.kill("SIGKILL");
  }
}

function failure(compression: keyof typeof programs, exitCode: number | null, said: string): IsleError {
  if (exitCode !== 127) return invalid(`the archive's compression is broken: ${said.trim() || compression}`);
  return new IsleError("unavailable", `${compression} is not installed`, {
    hint: `apt-get install ${packages[compression]}`,
  });
}
