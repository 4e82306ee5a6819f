import { join } from "node:path";
import { invalid } from "../../base/error.ts";
import type { InstanceMount, InstanceRecord } from "../../core/instance.ts";
import type { OciMount } from "../../core/oci-spec.ts";
import type { InstanceDeps } from "./deps.ts";
import { runtimeOf } from "./find.ts";
import { volumeSource } from "./instance-volumes.ts";
import type { Joined } from "./join-network.ts";
import { hostsFile, resolvConf } from "./network-files.ts";

export interface InstanceMounts {
  readonly user: OciMount[];
  readonly files: OciMount[];
}

interface Place {
  readonly rootPath: string;
  readonly joined: Joined;
}

/** Makes what is to be mounted (volumes, missing bind sources, hosts and resolver files) and says how. */
export async function planInstanceMounts(
  deps: InstanceDeps,
  record: InstanceRecord,
  { rootPath, joined }: Place,
): Promise<InstanceMounts> {
  const user: OciMount[] = [];
  // Under a kernel of its own a bound socket leads nowhere: there are others in its place.
  const { isolation } = runtimeOf(deps, record);
  for (const mount of record.mounts.filter(({ socket }) => !socket || isolation !== "microvm")) {
    const planned = await planMount(deps, record, mount, rootPath);
    user.push(mount.showsOwnIds ? planned : mapped(record, planned));
  }
  return { user, files: writeNetworkFiles(deps, record, joined).map((mount) => mapped(record, mount)) };
}

async function planMount(
  deps: InstanceDeps,
  record: InstanceRecord,
  mount: InstanceMount,
  rootPath: string,
): Promise<OciMount> {
  switch (mount.type) {
    case "tmpfs":
      return tmpfsMount(mount);
    case "bind":
      return bindMount(deps, bindSource(deps, mount), mount, mount.propagation || "rprivate");
    case "volume":
      return bindMount(deps, await volumeSource(deps, record, mount, rootPath), mount, "rprivate");
  }
}

/** Users of a namespace see the ids that the files have on the disk. */
const mapped = ({ users }: InstanceRecord, mount: OciMount): OciMount =>
  users === undefined || mount.type !== "bind" ? mount : { ...mount, options: [...mount.options, "idmap"] };

function tmpfsMount({ target, tmpfsOptions, readonly }: InstanceMount): OciMount {
  const given = (tmpfsOptions ?? "").split(",").filter((option) => option !== "" && option !== "defaults");
  const options = [...new Set(["noexec", "nosuid", "nodev", ...given, ...(readonly ? ["ro"] : [])])];
  const kept = options.filter((option) => !given.some((other) => overrules(other, option)));
  return { destination: target, type: "tmpfs", source: "tmpfs", options: kept };
}

/** `exec` takes the place of the default `noexec`, and so on. */
const overrules = (given: string, option: string): boolean => `no${given}` === option;

function bindMount({ machine }: InstanceDeps, source: string, mount: InstanceMount, propagation: string): OciMount {
  const bind = mount.nonRecursive ? "bind" : "rbind";
  const recursive = !mount.nonRecursive && !mount.readonlyNonRecursive;
  const deep = recursive && machine.pathKind(source) === "directory";
  const options = [bind, ...(mount.readonly ? [deep ? "rro" : "ro"] : []), propagation];
  return { destination: mount.target, type: "bind", source, options };
}

function bindSource({ machine }: InstanceDeps, { source, createSource }: InstanceMount): string {
  if (machine.pathKind(source) !== undefined) return source;
  if (!createSource) throw invalid(`invalid mount config for type "bind": bind source path does not exist: ${source}`);
  machine.makeDirectory(source);
  return source;
}

function writeNetworkFiles(deps: InstanceDeps, record: InstanceRecord, joined: Joined): OciMount[] {
  const directory = deps.settings.paths.instance(joined.sharedWith?.id ?? record.id);
  const file = (name: string) => join(directory, name);
  if (!joined.sharedWith) {
    deps.machine.writeFile(file("hostname"), `${record.config.Hostname}\n`);
    deps.machine.writeFile(file("hosts"), hostsFile(deps, record, joined.endpoints));
    deps.machine.writeFile(file("resolv.conf"), resolvConf(deps, record, joined.endpoints));
  }
  return ["resolv.conf", "hostname", "hosts"].map((name) => ({
    destination: `/etc/${name}`,
    type: "bind",
    source: file(name),
    options: ["rbind", "rprivate"],
  }));
}
