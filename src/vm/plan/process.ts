import type { OciProcess } from "../../core/oci-spec.ts";
import { fieldTag } from "../generated/protocol.ts";
import { field, terminalShape, u32, u64 } from "./fields.ts";

export interface ProcessWish {
  /** Whether anybody may write to its standard input. */
  readonly input: boolean;
  /** The compiled system call filter. */
  readonly filter: Uint8Array | undefined;
}

/** A process of the OCI configuration as fields for the guest. */
export function planProcess(process: OciProcess, { input, filter }: ProcessWish): Buffer {
  const { user, consoleSize, capabilities } = process;
  const optional = [
    ...(process.terminal
      ? [field(fieldTag.terminal, terminalShape(consoleSize?.height ?? 0, consoleSize?.width ?? 0))]
      : []),
    ...(input ? [field(fieldTag.openInput)] : []),
    ...(user.umask === undefined ? [] : [field(fieldTag.umask, u32(user.umask))]),
    ...(capabilities ? [field(fieldTag.capabilities, capabilityBits(capabilities))] : []),
    ...(process.noNewPrivileges ? [field(fieldTag.noNewPrivileges)] : []),
    ...(process.oomScoreAdj === undefined ? [] : [field(fieldTag.oomScore, u32(process.oomScoreAdj))]),
    ...(filter ? [field(fieldTag.seccomp, filter)] : []),
  ];
  return Buffer.concat([
    ...process.args.map((argument) => field(fieldTag.argument, argument)),
    ...(process.env ?? []).map((entry) => field(fieldTag.environment, entry)),
    field(fieldTag.directory, process.cwd || "/"),
    field(fieldTag.user, u32(user.uid, user.gid)),
    ...(user.additionalGids ?? []).map((gid) => field(fieldTag.group, u32(gid))),
    ...(process.rlimits ?? []).flatMap(rlimit),
    ...optional,
  ]);
}

const capabilityNames = (
  "CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE " +
  "NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN " +
  "SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE " +
  "MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE"
).split(" ");

function capabilityBits(sets: NonNullable<OciProcess["capabilities"]>): Buffer {
  const bits = (names: readonly string[] = []): bigint =>
    names.reduce((sum, name) => {
      const bit = capabilityNames.indexOf(name.replace(/^CAP_/, ""));
      return bit === -1 ? sum : sum | (1n << BigInt(bit));
    }, 0n);
  const { bounding, effective, permitted, inheritable, ambient } = sets;
  return u64(bits(bounding), bits(effective), bits(permitted), bits(inheritable), bits(ambient));
}

/** The kernel's numbers of the limits. */
const rlimitNumbers: Readonly<Record<string, number>> = {
  RLIMIT_CPU: 0,
  RLIMIT_FSIZE: 1,
  RLIMIT_DATA: 2,
  RLIMIT_STACK: 3,
  RLIMIT_CORE: 4,
  RLIMIT_RSS: 5,
  RLIMIT_NPROC: 6,
  RLIMIT_NOFILE: 7,
  RLIMIT_MEMLOCK: 8,
  RLIMIT_AS: 9,
  RLIMIT_LOCKS: 10,
  RLIMIT_SIGPENDING: 11,
  RLIMIT_MSGQUEUE: 12,
  RLIMIT_NICE: 13,
  RLIMIT_RTPRIO: 14,
  RLIMIT_RTTIME: 15,
};

function rlimit({ type, soft, hard }: NonNullable<OciProcess["rlimits"]>[number]): Buffer[] {
  const number = rlimitNumbers[type];
  if (number === undefined) return [];
  return [field(fieldTag.rlimit, Buffer.concat([u32(number), u64(limit(soft), limit(hard))]))];
}

/** JSON numbers lose the last bits of "no limit". */
const limit = (value: number): bigint => (value >= 2 ** 63 || value < 0 ? 2n ** 64n - 1n : BigInt(value));
