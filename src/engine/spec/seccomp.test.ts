import { describe, expect, test } from "bun:test";
import { planSeccomp, type SeccompProfile } from "./seccomp.ts";

const profile: SeccompProfile = {
  defaultAction: "SCMP_ACT_ERRNO",
  defaultErrnoRet: 38,
  archMap: [{ architecture: "SCMP_ARCH_X86_64", subArchitectures: ["SCMP_ARCH_X86"] }],
  syscalls: [
    { names: ["read"], action: "SCMP_ACT_ALLOW" },
    { names: ["mount"], action: "SCMP_ACT_ALLOW", includes: { caps: ["CAP_SYS_ADMIN"] } },
    { names: ["mount"], action: "SCMP_ACT_ERRNO", errnoRet: 1, excludes: { caps: ["CAP_SYS_ADMIN"] } },
    { names: ["arch_prctl"], action: "SCMP_ACT_ALLOW", includes: { arches: ["amd64"] } },
    { names: ["s390_only"], action: "SCMP_ACT_ALLOW", includes: { arches: ["s390"] } },
    { names: ["ptrace"], action: "SCMP_ACT_ALLOW", includes: { minKernel: "4.8" } },
    { names: ["future"], action: "SCMP_ACT_ALLOW", includes: { minKernel: "99.0" } },
  ],
};
type Planned = {
  architectures: string[];
  defaultErrnoRet: number;
  syscalls: Array<{ names: string[]; action: string }>;
};
const plan = (capabilities: string[]) =>
  planSeccomp(profile, { capabilities, architecture: "amd64", kernel: "6.1.0-18-amd64" }) as Planned;

describe("the seccomp plan", () => {
  test("keeps the rules that hold for this process and machine", () => {
    const names = plan([]).syscalls.map(({ names: [name], action }) => `${name} ${action}`);
    expect(names).toEqual([
      "read SCMP_ACT_ALLOW",
      "mount SCMP_ACT_ERRNO",
      "arch_prctl SCMP_ACT_ALLOW",
      "ptrace SCMP_ACT_ALLOW",
    ]);
  });
  test("a capability swaps the refusal for the permission", () => {
    const mount = plan(["CAP_SYS_ADMIN"]).syscalls.filter(({ names }) => names.includes("mount"));
    expect(mount.map(({ action }) => action)).toEqual(["SCMP_ACT_ALLOW"]);
  });
  test("names the native architecture and those below it, and the default error", () => {
    expect(plan([]).architectures).toEqual(["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"]);
    expect(plan([]).defaultErrnoRet).toBe(38);
  });
});
