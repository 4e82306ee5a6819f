import { type SpawnOptions, spawn } from "node:child_process";

export interface StepResult {
  readonly exitCode: number;
  /** Standard output and error, as they came. */
  readonly output: string;
  readonly seconds: number;
}

/** Runs a program to its end, or kills it and all it started after `limitSeconds`. */
export function runStep(
  [program = "", ...args]: readonly string[],
  options: Pick<SpawnOptions, "cwd" | "env"> & { limitSeconds?: number; onOutput?: (text: string) => void } = {},
): Promise<StepResult> {
  const { limitSeconds = 600, onOutput, ...spawnOptions } = options;
  const begin = performance.now();
  const child = spawn(program, args, { ...spawnOptions, stdio: ["ignore", "pipe", "pipe"], detached: true });
  let output = "";
  const collect = (chunk: Buffer): void => {
    output += chunk.toString();
    onOutput?.(chunk.toString());
  };
  child.stdout.on("data", collect);
  child.stderr.on("data", collect);
  const timer = setTimeout(() => {
    collect(Buffer.from(`\nkilled after ${limitSeconds} seconds\n`));
    process.kill(-child.pid!, "SIGKILL");
  }, limitSeconds * 1000);
  return new Promise((resolve) => {
    const end = (exitCode: number): void => {
      clearTimeout(timer);
      resolve({ exitCode, output, seconds: (performance.now() - begin) / 1000 });
    };
    child.once("error", (error) => {
      output += `${error.message}\n`;
      end(127);
    });
    // Not "close": something left behind may hold the pipes open, which the guard tells about.
    child.once("exit", (code) => setTimeout(() => end(code ?? 128), 20));
  });
}
