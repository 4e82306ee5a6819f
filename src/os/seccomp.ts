import { dlopen, type Pointer } from "bun:ffi";
import { closeSync, openSync, readFileSync, rmSync } from "node:fs";
import { cString } from "./libc.ts";

/** The seccomp section of an OCI configuration, as far as it is compiled here. */
export interface SeccompSection {
  readonly defaultAction: string;
  readonly defaultErrnoRet?: number;
  readonly architectures: readonly string[];
  readonly syscalls: ReadonlyArray<{
    readonly names: readonly string[];
    readonly action: string;
    readonly errnoRet?: number;
    readonly args?: ReadonlyArray<{ index: number; value: number; valueTwo?: number; op: string }>;
  }>;
}

const actions: Record<string, number> = {
  SCMP_ACT_KILL: 0,
  SCMP_ACT_KILL_THREAD: 0,
  SCMP_ACT_KILL_PROCESS: 0x80000000,
  SCMP_ACT_TRAP: 0x00030000,
  SCMP_ACT_ERRNO: 0x00050000,
  SCMP_ACT_TRACE: 0x7ff00000,
  SCMP_ACT_LOG: 0x7ffc0000,
  SCMP_ACT_ALLOW: 0x7fff0000,
};
const comparisons: Record<string, number> = {
  SCMP_CMP_NE: 1,
  SCMP_CMP_LT: 2,
  SCMP_CMP_LE: 3,
  SCMP_CMP_EQ: 4,
  SCMP_CMP_GE: 5,
  SCMP_CMP_GT: 6,
  SCMP_CMP_MASKED_EQ: 7,
};
const eperm = 1;
const unknownSyscall = -1;
const optimizeAttribute = 8;
/** A binary tree over the system call numbers instead of a list: a look-up takes 9 steps, not 400. */
const binaryTree = 2;

function load() {
  return dlopen("libseccomp.so.2", {
    seccomp_init: { args: ["u32"], returns: "ptr" },
    seccomp_release: { args: ["ptr"], returns: "void" },
    seccomp_attr_set: { args: ["ptr", "i32", "u32"], returns: "i32" },
    seccomp_arch_resolve_name: { args: ["ptr"], returns: "u32" },
    seccomp_arch_add: { args: ["ptr", "u32"], returns: "i32" },
    seccomp_syscall_resolve_name: { args: ["ptr"], returns: "i32" },
    seccomp_rule_add_array: { args: ["ptr", "u32", "i32", "u32", "ptr"], returns: "i32" },
    seccomp_export_bpf: { args: ["ptr", "i32"], returns: "i32" },
  }).symbols;
}

type Library = ReturnType<typeof load>;

/** The filter program of a section; undefined when it holds something that only the runtime can compile. */
export function compileSeccomp(section: SeccompSection, scratchFile: string): Buffer | undefined {
  const library = load();
  const context = library.seccomp_init(actionNumber(section.defaultAction, section.defaultErrnoRet)) as Pointer | null;
  if (!context) return undefined;
  try {
    return fill(library, context, section) ? exportProgram(library, context, scratchFile) : undefined;
  } finally {
    library.seccomp_release(context);
  }
}

const actionNumber = (name: string, value = eperm): number =>
  (actions[name] ?? 0) | (/ERRNO|TRACE/.test(name) ? value & 0xffff : 0);

function fill(library: Library, context: Pointer, section: SeccompSection): boolean {
  for (const name of section.architectures) {
    const token = library.seccomp_arch_resolve_name(cString(name.replace("SCMP_ARCH_", "").toLowerCase()));
    // The native one is in every filter from the start, which the library reports as an error.
    if (token !== 0) library.seccomp_arch_add(context, token);
  }
  library.seccomp_attr_set(context, optimizeAttribute, binaryTree);
  return section.syscalls.every((rule) => addRule(library, context, section, rule));
}

function addRule(
  library: Library,
  context: Pointer,
  section: SeccompSection,
  rule: SeccompSection["syscalls"][number],
): boolean {
  if (!(rule.action in actions)) return false;
  const action = actionNumber(rule.action, rule.errnoRet);
  if (action === actionNumber(section.defaultAction, section.defaultErrnoRet)) return true;
  const groups = argumentGroups(rule.args ?? []);
  for (const name of rule.names) {
    const number = library.seccomp_syscall_resolve_name(cString(name));
    if (number === unknownSyscall) continue;
    for (const { count, bytes } of groups) {
      if (library.seccomp_rule_add_array(context, action, number, count, bytes) !== 0) return false;
    }
  }
  return true;
}

/** All conditions of a rule must hold together, but two on one argument cannot stand in one rule and become two. */
function argumentGroups(args: NonNullable<SeccompSection["syscalls"][number]["args"]>) {
  const repeated = new Set(args.map(({ index }) => index)).size < args.length;
  const groups = repeated ? args.map((arg) => [arg]) : [args];
  return groups.map((group) => {
    const bytes = Buffer.alloc(Math.max(24, 24 * group.length));
    group.forEach(({ index, op, value, valueTwo = 0 }, i) => {
      bytes.writeUInt32LE(index, 24 * i);
      bytes.writeUInt32LE(comparisons[op] ?? 0, 24 * i + 4);
      bytes.writeBigUInt64LE(BigInt(value), 24 * i + 8);
      bytes.writeBigUInt64LE(BigInt(valueTwo), 24 * i + 16);
    });
    return { count: group.length, bytes };
  });
}

function exportProgram(library: Library, context: Pointer, scratchFile: string): Buffer | undefined {
  const file = openSync(scratchFile, "w+", 0o600);
  try {
    return library.seccomp_export_bpf(context, file) === 0 ? readFileSync(scratchFile) : undefined;
  } finally {
    closeSync(file);
    rmSync(scratchFile, { force: true });
  }
}
