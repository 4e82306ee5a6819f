#!/usr/bin/env bun

import { basename } from "node:path";
import { runCli } from "./cli/main.ts";
import { commandLineIo } from "./os/command-line-io.ts";

/** The one executable: its own name or the first word chooses what it is, the command line when neither says. */
async function main(args: string[]): Promise<number> {
  const asRuntime = basename(process.argv0) === "isle-vm";
  if (asRuntime || args[0] === "isle-vm") {
    const { isleVmMain } = await import("./vm/main.ts");
    return isleVmMain(asRuntime ? args : args.slice(1));
  }
  if (args[0] === "isle-confined") {
    const { confinedMain } = await import("./os/confined/main.ts");
    return confinedMain();
  }
  if (args[0] === "daemon") {
    const { daemonMain } = await import("./daemon/main.ts");
    return daemonMain(args.slice(1));
  }
  if (args[0] === "kernel") {
    const { kernelMain } = await import("./vm/kernel/kernel-main.ts");
    return kernelMain(args.slice(1));
  }
  if (args[0] === "doctor") {
    const { doctorMain } = await import("./doctor/main.ts");
    return doctorMain(args.slice(1));
  }
  return runCli(args, commandLineIo());
}

void main(process.argv.slice(2)).then((code) => process.exit(code));
