import { messageOf } from "../../base/error.ts";
import { usageError } from "../exit.ts";
import { splitOnce } from "../split-once.ts";

export interface SecurityPlan {
  readonly SecurityOpt: string[];
  /** Empty lists: nothing of /proc and /sys is hidden; absent: the engine's usual paths. */
  readonly MaskedPaths?: string[];
  readonly ReadonlyPaths?: string[];
}

/** What `--security-opt` asks for; a seccomp profile is sent as its text. */
export function securityPlan(options: readonly string[], readText: (path: string) => string): SecurityPlan {
  const unconfined = options.includes("systempaths=unconfined");
  const kept = options
    .filter((option) => option !== "systempaths=unconfined")
    .map((option) => normalise(option, readText));
  return { SecurityOpt: kept, ...(unconfined && { MaskedPaths: [], ReadonlyPaths: [] }) };
}

function normalise(option: string, readText: (path: string) => string): string {
  const [name, value] = splitOnce(option, option.includes("=") ? "=" : ":");
  if (value === undefined && name !== "no-new-privileges")
    throw usageError(`invalid --security-opt: ${JSON.stringify(option)}`);
  if (name !== "seccomp" || value === "unconfined" || value === "builtin") return option;
  try {
    return `seccomp=${JSON.stringify(JSON.parse(readText(value!)))}`;
  } catch (error) {
    throw usageError(`opening seccomp profile (${value}) failed: ${messageOf(error)}`);
  }
}
