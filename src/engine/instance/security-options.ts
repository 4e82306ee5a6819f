import { invalid, unsupported } from "../../base/error.ts";
import type { MachineFacts } from "../../core/machine.ts";
import type { SeccompProfile } from "../spec/seccomp.ts";

export interface SecurityOptions {
  readonly noNewPrivileges: boolean;
  readonly seccomp: "default" | "unconfined" | SeccompProfile;
  readonly apparmor: string | undefined;
  /** SELinux label parts; empty means none were given. */
  readonly labels: readonly string[];
  readonly unmasked: boolean;
}

/** Reads `--security-opt`: `name=value` or the older `name:value`. What the kernel lacks is refused by name. */
export function parseSecurityOptions(options: readonly string[], facts: MachineFacts): SecurityOptions {
  let result: SecurityOptions = {
    noNewPrivileges: false,
    seccomp: "default",
    apparmor: undefined,
    labels: [],
    unmasked: false,
  };
  for (const option of options) result = { ...result, ...parseOne(option, facts, result) };
  return result;
}

function parseOne(option: string, facts: MachineFacts, before: SecurityOptions): Partial<SecurityOptions> {
  const at = option.search(/[=:]/);
  const name = at === -1 ? option : option.slice(0, at);
  const value = at === -1 ? "" : option.slice(at + 1);
  switch (name) {
    case "no-new-privileges":
      return { noNewPrivileges: parseFlag(option, value) };
    case "seccomp":
      return { seccomp: parseSeccomp(value, facts) };
    case "apparmor":
      if (!facts.apparmor && value !== "unconfined") throw unsupported("apparmor is not enabled in this kernel");
      return { apparmor: value };
    case "label":
      if (!facts.selinux && value !== "disable") throw unsupported("SELinux is not enabled in this kernel");
      return { labels: [...before.labels, value] };
    case "systempaths":
      if (value !== "unconfined") throw invalid(`invalid --security-opt: "${option}"`);
      return { unmasked: true };
    case "writable-cgroups":
      return {};
    default:
      throw invalid(`invalid --security-opt 2: "${option}"`);
  }
}

function parseFlag(option: string, value: string): boolean {
  if (value === "" || value === "true") return true;
  if (value === "false") return false;
  throw invalid(`invalid --security-opt 2: "${option}"`);
}

/** Clients send the profile's text, not its path. */
function parseSeccomp(value: string, facts: MachineFacts): SecurityOptions["seccomp"] {
  if (value === "unconfined") return "unconfined";
  if (value === "builtin" || value === "") return "default";
  if (!facts.seccomp) throw unsupported("seccomp is not enabled in this kernel");
  try {
    const profile = JSON.parse(value) as SeccompProfile;
    if (typeof profile.defaultAction !== "string") throw new Error("defaultAction is missing");
    return profile;
  } catch (cause) {
    throw invalid("Decoding seccomp profile failed: not a profile in JSON", { cause });
  }
}
