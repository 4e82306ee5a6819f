import { createHash } from "node:crypto";
import { existsSync, readFileSync, realpathSync } from "node:fs";
import { dirname, join } from "node:path";
import { IsleError } from "../base/error.ts";

/** Kernels and what is made of them: the same for all who use this machine, and made again when it is lost. */
export const cacheDirectory = (): string => process.env["ISLE_VM_CACHE"] ?? "/var/cache/isle";

/** Machines that have booted; an engine has its own, so that nobody else's memory is in them. */
export const templatesDirectory = (): string => process.env["ISLE_VM_TEMPLATES"] ?? join(cacheDirectory(), "templates");

/** Files of a virtual machine, below its state directory. */
export const machineFiles = {
  plan: "plan",
  first: "machine.first",
  log: "machine.log",
  relayLog: "relay.log",
  control: "ctl",
  life: "life",
  guest: "guest",
  monitor: "qmp",
  shares: "shares",
  /** The only directory of the host that QEMU sees; it may send there what it saves. */
  outbox: "out",
} as const;

/** The parts in C: beside the program, in its library directory, or in the build directory of the sources. */
export function findPart(name: "isle-agent" | "isle-relay"): string {
  const here = dirname(realpathSync("/proc/self/exe"));
  const candidates = [
    join(here, name),
    join(here, "../lib/isle", name),
    join(dirname(dirname(import.meta.dirname)), "dist", name),
  ];
  const found = candidates.find((path) => existsSync(path));
  if (found) return found;
  throw new IsleError("unavailable", `${name} is not beside the program`, { hint: "build it with make setup" });
}

/** Names the agent by what it is, so that nothing made from an older one is used. */
export function agentDigest(): string {
  return createHash("sha256")
    .update(readFileSync(findPart("isle-agent")))
    .digest("hex")
    .slice(0, 16);
}

/** Nobody's number on any system: what escapes from a virtual machine owns nothing. */
export const machineUser = 1_230_000_000;
