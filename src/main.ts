#!/usr/bin/env bun

import { runCli } from "./cli/main.ts";
import { commandLineIo } from "./os/command-line-io.ts";

/** The one executable: the first word chooses what it is, the command line when it names nothing else. */
async function main(args: string[]): Promise<number> {
  if (args[0] === "isle-confined") {
    const { confinedMain } = await import("./os/confined/main.ts");
    return confinedMain(args.slice(1));
  }
  if (args[0] === "daemon") {
    const { daemonMain } = await import("./daemon/main.ts");
    return daemonMain(args.slice(1));
  }
  if (args[0] === "doctor") {
    const { doctorMain } = await import("./doctor/main.ts");
    return doctorMain(args.slice(1));
  }
  return runCli(args, commandLineIo());
}

void main(process.argv.slice(2)).then((code) => process.exit(code));
