import type { OciResources, OciSpec } from "../../core/oci-spec.ts";
import { annotation } from "../annotations.ts";
import { fieldTag, frameType } from "../generated/protocol.ts";
import { field, frame, texts, u32, u64 } from "./fields.ts";
import { type MountSource, planMounts, type Share } from "./mounts.ts";
import { planProcess } from "./process.ts";

export interface ContainerWish extends MountSource {
  /** Its root is an image and a disk; otherwise a directory of the host. */
  readonly rootOnDisk: boolean;
  readonly input: boolean;
  readonly filter: Uint8Array | undefined;
  /** A number of this start, as the kernel gives one to each boot. */
  readonly bootId: string;
}

export interface ContainerPlan {
  /** The frames that bring the workload up. */
  readonly frames: Buffer;
  /** What of the host is in the shared tree. */
  readonly shares: Share[];
}

const workloadStream = 1;

/** A whole OCI configuration as the two frames for the guest: who it is, and what runs. */
export function planContainer(spec: OciSpec, wish: ContainerWish): ContainerPlan {
  const root = rootShares(spec, wish);
  const run = planRun(spec, wish, root.length);
  const shares = [...root, ...run.shares];
  const setup = [
    field(fieldTag.bootId, `${wish.bootId}\n`),
    ...(spec.hostname ? [field(fieldTag.hostname, spec.hostname)] : []),
    ...(spec.domainname ? [field(fieldTag.domainname, spec.domainname)] : []),
    ...(shares.length > 0 ? [field(fieldTag.shared)] : []),
    wish.rootOnDisk ? field(fieldTag.rootDisk) : field(fieldTag.rootShare, "0"),
  ];
  return {
    frames: Buffer.concat([
      frame(frameType.setup, 0, Buffer.concat(setup)),
      frame(frameType.run, workloadStream, run.fields),
    ]),
    shares,
  };
}

const rootShares = ({ root }: OciSpec, { rootOnDisk }: Pick<ContainerWish, "rootOnDisk">): Share[] =>
  rootOnDisk ? [] : [{ path: root.path, readonly: root.readonly, follows: false }];

/** What of the host is in the shared tree, without the rest of the plan. */
export function planShares(spec: OciSpec, wish: Pick<ContainerWish, "rootOnDisk" | "smallFile">): Share[] {
  const root = rootShares(spec, wish);
  return [...root, ...planMounts(spec.mounts ?? [], wish, root.length).shares];
}

/** The frame that lets a saved machine go on, as it was or as another. */
export function planWake(spec: OciSpec, wish: Pick<ContainerWish, "bootId" | "smallFile">): Buffer {
  if (annotation(spec, "identity") !== "new") return frame(frameType.wake, workloadStream);
  const files = planMounts(spec.mounts ?? [], wish).files;
  return frame(
    frameType.wake,
    workloadStream,
    Buffer.concat([
      field(fieldTag.bootId, `${wish.bootId}\n`),
      ...(spec.hostname ? [field(fieldTag.hostname, spec.hostname)] : []),
      ...files,
    ]),
  );
}

/** What runs, as fields, and what it needs of the host. */
export function planRun(spec: OciSpec, wish: ContainerWish, firstShare = 0): { fields: Buffer; shares: Share[] } {
  const { fields, shares } = planMounts(spec.mounts ?? [], wish, firstShare);
  return { fields: Buffer.concat([planProcess(spec.process, wish), ...containerFields(spec), ...fields]), shares };
}

/** The kernel's flags of the namespaces that a guest's container has for itself; its network is the guest's. */
const namespaceFlags: Readonly<Record<string, number>> = {
  mount: 0x20000,
  cgroup: 0x2000000,
  uts: 0x4000000,
  ipc: 0x8000000,
  pid: 0x20000000,
};

function containerFields(spec: OciSpec): Buffer[] {
  const { linux, hostname, root } = spec;
  const unshare = (linux.namespaces ?? []).reduce((sum, { type }) => sum | (namespaceFlags[type] ?? 0), 0);
  return [
    field(fieldTag.unshare, u32(unshare)),
    ...(hostname ? [field(fieldTag.hostname, hostname)] : []),
    ...Object.entries(linux.sysctl ?? {}).map(([name, value]) => field(fieldTag.sysctl, `${name}=${value}`)),
    ...(linux.maskedPaths ?? []).map((path) => field(fieldTag.masked, path)),
    ...(linux.readonlyPaths ?? []).map((path) => field(fieldTag.readonlyPath, path)),
    ...(root.readonly ? [field(fieldTag.readonlyRoot)] : []),
    ...socketFields(spec),
    ...limitFields(linux.resources ?? {}),
  ];
}

interface GuestSocket {
  readonly path: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

const socketFields = (spec: OciSpec): Buffer[] =>
  (JSON.parse(annotation(spec, "sockets") ?? "[]") as GuestSocket[]).map(({ path, mode, uid, gid }) =>
    field(fieldTag.socket, Buffer.concat([u32(mode, uid, gid), texts(path)])),
  );

/** The limits that the guest's kernel keeps. */
export function limitFields(resources: OciResources): Buffer[] {
  const memory = Number(resources.memory?.["limit"] ?? 0);
  const pids = resources.pids?.limit ?? 0;
  return [
    ...(memory > 0 ? [field(fieldTag.memoryLimit, u64(BigInt(memory)))] : []),
    ...(pids > 0 ? [field(fieldTag.pidsLimit, u64(BigInt(pids)))] : []),
  ];
}
