import type { HostConfig } from "../../api/generated/engine-api.ts";
import { conflict } from "../../base/error.ts";
import { type InstanceRecord, isRunning } from "../../core/instance.ts";
import type { OciProcess, OciSpec } from "../../core/oci-spec.ts";
import { planCapabilities } from "../spec/capabilities.ts";
import { instanceEnvironment } from "../spec/environment.ts";
import { planSeccomp } from "../spec/seccomp.ts";
import { planSpec } from "../spec/spec.ts";
import { type ResolvedUser, resolveUser } from "../spec/user.ts";
import type { InstanceDeps } from "./deps.ts";
import { findInstance, procOf } from "./find.ts";
import { refuseJoiningGuest } from "./guest.ts";
import type { InstanceMounts } from "./instance-mounts.ts";
import type { Joined } from "./join-network.ts";
import { planRlimits } from "./rlimits.ts";
import { parseSecurityOptions, type SecurityOptions } from "./security-options.ts";
import { planSharedMemory } from "./shared-memory.ts";

interface Place {
  readonly rootPath: string;
  readonly joined: Joined;
  readonly mounts: InstanceMounts;
}

/** Gathers what the pure plan needs to know of this instance and this machine. */
export function planInstanceSpec(deps: InstanceDeps, given: InstanceRecord, place: Place): OciSpec {
  const record = withSharedName(given, place.joined);
  const { host } = record;
  const security = parseSecurityOptions(host.SecurityOpt ?? [], deps.machine.facts);
  const process = planProcess(deps, record, place.rootPath, security);
  const init = initFor(deps, host);
  const mounts = init ? [...place.mounts.files, init.mount] : place.mounts.files;
  return planSpec(
    {
      record,
      rootPath: place.rootPath,
      process: init ? { ...process, args: [...init.args, ...process.args] } : process,
      mounts: place.mounts.user,
      files: mounts,
      namespaces: planNamespaces(deps, record, place.joined),
      shm: planSharedMemory(deps, record),
      cgroupsPath: cgroupPath(deps, record),
      seccomp: planInstanceSeccomp(deps, host, security, process.capabilities?.bounding ?? []),
      sysctl: sysctlOf(host),
      rootPropagation: rootPropagation(place.mounts),
      unmasked: (host.Privileged ?? false) || security.unmasked,
    },
    deps.machine,
  );
}

/** Who joins the network of another goes by its name. */
function withSharedName(record: InstanceRecord, { sharedWith }: Joined): InstanceRecord {
  if (!sharedWith) return record;
  const { Hostname = "", Domainname = "" } = sharedWith.config;
  return { ...record, config: { ...record.config, Hostname, Domainname } };
}

/** The process of the instance, or with another command that of an exec session. */
export function planProcess(
  deps: InstanceDeps,
  record: InstanceRecord,
  rootPath: string,
  security: SecurityOptions,
): OciProcess {
  const { config, host } = record;
  const user = userIn(deps, rootPath, config.User ?? "", host.GroupAdd ?? []);
  const [rows = 0, columns = 0] = host.ConsoleSize ?? [];
  const cwd = config.WorkingDir || "/";
  // Images name directories they do not contain. To users of a namespace it must be theirs: the runtime makes it as them.
  if (config.WorkingDir && !record.users) deps.machine.makeDirectoryInRoot(rootPath, cwd);
  return {
    terminal: config.Tty ?? false,
    ...(config.Tty && rows > 0 && { consoleSize: { height: rows, width: columns } }),
    user: { uid: user.uid, gid: user.gid, additionalGids: [user.gid, ...user.additionalGids] },
    args: [...(config.Entrypoint ?? []), ...(config.Cmd ?? [])],
    env: instanceEnvironment({
      hostname: toldHostname(record),
      tty: config.Tty ?? false,
      env: environmentOf([...(config.Env ?? []), ...(deps.secretEnv.get(record.id) ?? [])], user),
    }),
    cwd,
    capabilities: capabilitySets(deps, host, user.uid),
    rlimits: planRlimits(deps, host),
    noNewPrivileges: security.noNewPrivileges,
    ...oomScore(deps, host),
    ...(security.apparmor && security.apparmor !== "unconfined" && { apparmorProfile: security.apparmor }),
  };
}

/** The result of a build's step must not depend on how it was run. */
const toldHostname = ({ purpose, config }: InstanceRecord): string =>
  purpose === "build" ? "" : (config.Hostname ?? "");

export function userIn(deps: InstanceDeps, rootPath: string, text: string, groups: readonly string[]): ResolvedUser {
  const read = (path: string) => deps.machine.readTextInRoot(rootPath, path) ?? "";
  return resolveUser(text, { passwd: read("/etc/passwd"), group: read("/etc/group") }, groups);
}

/** HOME follows the user unless somebody set it. */
export function environmentOf(env: readonly string[] | null | undefined, user: ResolvedUser): string[] {
  const given = env ?? [];
  return given.some((entry) => entry.startsWith("HOME=")) ? [...given] : [...given, `HOME=${user.home}`];
}

/** Root's processes get the whole set at once; others keep it as the bound of what they may gain. */
export function capabilitySets(
  deps: InstanceDeps,
  host: HostConfig,
  uid: number,
  privileged = host.Privileged ?? false,
): NonNullable<OciProcess["capabilities"]> {
  const add = host.CapAdd ?? [];
  const drop = host.CapDrop ?? [];
  const { isolation } = deps.runtimes.get(host.Runtime || deps.settings.defaultRuntime) ?? {};
  const available = isolation === "microvm" ? undefined : deps.settings.capabilities;
  const set = planCapabilities({ privileged, add, drop, available });
  const active = uid === 0 ? set : [];
  return { bounding: set, effective: active, permitted: active, inheritable: [], ambient: [] };
}

function oomScore({ machine }: InstanceDeps, host: HostConfig): { oomScoreAdj?: number } {
  const score = host.OomScoreAdj ?? 0;
  if (score === 0 || (score < 0 && !machine.facts.mayRaiseLimits)) return {};
  return { oomScoreAdj: score };
}

function planInstanceSeccomp(
  deps: InstanceDeps,
  host: HostConfig,
  security: SecurityOptions,
  capabilities: readonly string[],
): object | undefined {
  const profile = security.seccomp === "default" ? deps.settings.seccompProfile : security.seccomp;
  const off = profile === undefined || profile === "unconfined" || (host.Privileged && security.seccomp === "default");
  if (off || !deps.machine.facts.seccomp) return undefined;
  return planSeccomp(profile, {
    capabilities,
    architecture: deps.settings.architecture,
    kernel: deps.machine.facts.kernel,
  });
}

function planNamespaces(deps: InstanceDeps, record: InstanceRecord, joined: Joined): OciSpec["linux"]["namespaces"] {
  const { host } = record;
  const shared = (mode: string | null | undefined, kind: string) => {
    const other = /^container:(.+)$/.exec(mode ?? "")?.[1];
    return other ? { path: namespacePath(deps, other, kind) } : {};
  };
  const hostNetwork = joined.netns === undefined;
  return [
    ...(record.users ? [{ type: "user", path: record.users.namespace }] : []),
    { type: "mount" },
    ...(hostNetwork ? [] : [{ type: "network", path: joined.netns! }]),
    ...(host.UTSMode === "host" ? [] : [{ type: "uts" }]),
    ...(host.PidMode === "host" ? [] : [{ type: "pid", ...shared(host.PidMode, "pid") }]),
    ...(host.IpcMode === "host" ? [] : [{ type: "ipc", ...shared(host.IpcMode, "ipc") }]),
    ...(host.CgroupnsMode === "private" ? [{ type: "cgroup" }] : []),
  ];
}

function namespacePath(deps: InstanceDeps, text: string, kind: string): string {
  const other = findInstance(deps, text);
  if (!isRunning(other)) throw conflict(`cannot join ${kind} namespace of a non running container: ${other.id}`);
  refuseJoiningGuest(deps, other, `${kind} namespace`);
  return `${procOf(deps, other)}/ns/${kind}`;
}

export function cgroupPath({ settings }: InstanceDeps, { host, id }: InstanceRecord): string {
  const parent = host.CgroupParent || settings.cgroupParent;
  return `/${parent.replace(/^\/+|\/+$/g, "")}/${id}`;
}

const sysctlOf = ({ Sysctls }: HostConfig): Record<string, string> =>
  Object.fromEntries(Object.entries(Sysctls ?? {}).map(([name, value]) => [name, value ?? ""]));

/** Shared or slave binds need a root that lets mounts through. */
function rootPropagation({ user }: InstanceMounts): string {
  const options = user.flatMap((mount) => mount.options);
  if (options.some((option) => /^r?shared$/.test(option))) return "rshared";
  return options.some((option) => /^r?slave$/.test(option)) ? "rslave" : "rprivate";
}

interface Init {
  readonly args: string[];
  readonly mount: { destination: string; type: string; source: string; options: string[] };
}

function initFor({ settings }: InstanceDeps, host: HostConfig): Init | undefined {
  if (!host.Init) return undefined;
  if (!settings.initPath) throw conflict("no init for --init is installed: see isle doctor");
  const destination = "/sbin/docker-init";
  return {
    args: [destination, "--"],
    mount: { destination, type: "bind", source: settings.initPath, options: ["bind", "ro"] },
  };
}
