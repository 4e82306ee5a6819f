import { ptr } from "bun:ffi";
import { check, cString, libc } from "./libc.ts";

/** This process becomes another program, under the same process id, with the same terminal. Returns only by failing. */
export function execProgram(
  program: string,
  argv: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): never {
  const pairs = Object.entries(environment).flatMap(([name, value]) => (value === undefined ? [] : `${name}=${value}`));
  const [args, env] = [pointers(argv), pointers(pairs)];
  check(libc.execve(cString(program), args.table, env.table), "execve", program);
  throw new Error("unreachable");
}

/** A NULL-terminated array of C strings; `kept` holds them alive during the call. */
function pointers(texts: readonly string[]): { table: BigUint64Array; kept: Uint8Array[] } {
  const kept = texts.map(cString);
  return { table: new BigUint64Array([...kept.map((text) => BigInt(ptr(text))), 0n]), kept };
}
