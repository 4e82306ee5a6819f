#!/usr/bin/env bun

/** The one executable: the first word chooses what it is. */
async function main(args: string[]): Promise<number> {
  if (args[0] === "isle-confined") {
    const { confinedMain } = await import("./os/confined/main.ts");
    return await confinedMain(args.slice(1));
  }
  process.stderr.write(`isle: unknown command '${args[0] ?? ""}'\n`);
  return 1;
}

process.exit(await main(process.argv.slice(2)));

export {};
