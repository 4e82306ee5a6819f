import { invalid } from "../../base/error.ts";

/** What a process gets by default: enough for a server that starts as root and drops to a user. */
const defaults = [
  "CAP_CHOWN",
  "CAP_DAC_OVERRIDE",
  "CAP_FSETID",
  "CAP_FOWNER",
  "CAP_MKNOD",
  "CAP_NET_RAW",
  "CAP_SETGID",
  "CAP_SETUID",
  "CAP_SETFCAP",
  "CAP_SETPCAP",
  "CAP_NET_BIND_SERVICE",
  "CAP_SYS_CHROOT",
  "CAP_KILL",
  "CAP_AUDIT_WRITE",
];

/** Every capability of Linux 6, by number. */
const all = [
  "CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE",
  "NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN",
  "SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE",
  "MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE",
]
  .join(" ")
  .split(" ")
  .map((name) => `CAP_${name}`);

interface Wish {
  readonly privileged: boolean;
  readonly add: readonly string[];
  readonly drop: readonly string[];
  /** Those the engine has itself; none can be given beyond them. Undefined where a kernel of its own gives all. */
  readonly available: ReadonlySet<string> | undefined;
}

/** The capabilities of a process: `ALL` may stand in both lists, a name in `add` outweighs `ALL` in `drop`. */
export function planCapabilities({ privileged, add, drop, available }: Wish): string[] {
  const added = add.map(normalCapability);
  const dropped = drop.map(normalCapability);
  const wanted = privileged ? all : chosen(added, dropped);
  return available ? wanted.filter((name) => available.has(name)) : wanted;
}

function chosen(added: string[], dropped: string[]): string[] {
  const start = added.includes("ALL") ? all : dropped.includes("ALL") ? [] : defaults;
  const kept = start.filter((name) => !dropped.includes(name));
  const more = added.filter((name) => name !== "ALL" && !kept.includes(name));
  return [...kept, ...more];
}

/** `net_admin`, `NET_ADMIN` and `CAP_NET_ADMIN` are one; an unknown name is refused. */
export function normalCapability(text: string): string {
  const upper = text.trim().toUpperCase();
  if (upper === "ALL" || upper === "CAP_ALL") return "ALL";
  const name = upper.startsWith("CAP_") ? upper : `CAP_${upper}`;
  if (!all.includes(name)) throw invalid(`invalid capability: ${text}`);
  return name;
}

/** Reads the effective set out of /proc/self/status. */
export function parseCapabilityMask(status: string): Set<string> {
  const mask = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? "0"}`);
  return new Set(all.filter((_, bit) => (mask >> BigInt(bit)) & 1n));
}
