import type { ContainerConfig, HostConfig, Mount } from "../../api/generated/engine-api.ts";
import { invalid, unsupported } from "../../base/error.ts";
import { newId } from "../../base/id.ts";
import type { InstanceMount } from "../../core/instance.ts";

const propagations = ["private", "rprivate", "shared", "rshared", "slave", "rslave"];
const volumeName = /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/;

interface Inherited {
  readonly mounts: readonly InstanceMount[];
  readonly readonly: boolean;
}

/** All mounts an instance asks for: volumes-from first, then binds and --mount, then tmpfs, then the image's volumes. */
export function parseMounts(
  config: ContainerConfig,
  host: HostConfig,
  inherited: readonly Inherited[],
): InstanceMount[] {
  const byTarget = new Map<string, InstanceMount>();
  for (const { mounts, readonly } of inherited) {
    for (const mount of mounts) {
      byTarget.set(mount.target, { ...mount, anonymous: false, readonly: mount.readonly || readonly });
    }
  }
  const given = [
    ...(host.Binds ?? []).map(parseBind),
    ...(host.Mounts ?? []).map(parseMount),
    ...Object.entries(host.Tmpfs ?? {}).map(([target, options]) => tmpfsMount(target, options ?? "")),
  ];
  const seen = new Set<string>();
  for (const mount of given) {
    if (seen.has(mount.target)) throw invalid(`Duplicate mount point: ${mount.target}`);
    seen.add(mount.target);
    byTarget.set(mount.target, mount);
  }
  for (const target of Object.keys(config.Volumes ?? {})) {
    const clean = cleanTarget(target);
    if (!byTarget.has(clean)) byTarget.set(clean, anonymousVolume(clean));
  }
  return [...byTarget.values()];
}

/** Reads `source:target[:options]`, `target` alone is an anonymous volume. */
export function parseBind(text: string): InstanceMount {
  const parts = text.split(":");
  if (parts.length > 3 || parts.some((part) => part === "")) throw invalid(`invalid volume specification: '${text}'`);
  if (parts.length === 1) return anonymousVolume(cleanTarget(parts[0]!));
  const [source = "", target = "", options = ""] = parts;
  const base = { target: cleanTarget(target), mode: options, ...parseMode(options, text) };
  if (source.startsWith("/")) return { type: "bind", source: cleanPath(source), createSource: true, ...base };
  if (!volumeName.test(source)) {
    throw invalid(
      `create ${source}: "${source}" includes invalid characters for a local volume name, only "[a-zA-Z0-9][a-zA-Z0-9_.-]" are allowed. If you intended to pass a host directory, use absolute path`,
    );
  }
  return { type: "volume", source, driver: "local", ...base, mode: options || "z" };
}

interface Mode {
  readonly readonly: boolean;
  readonly propagation: string;
  readonly noCopy?: boolean;
}

function parseMode(options: string, whole: string): Mode {
  const words = options === "" ? [] : options.split(",");
  const known = ["ro", "rw", "z", "Z", "nocopy", "cached", "delegated", "consistent", ...propagations];
  const bad = words.find((word) => !known.includes(word));
  if (bad !== undefined) throw invalid(`invalid mode: ${options}`, { hint: `'${bad}' in '${whole}' is not known` });
  return {
    readonly: words.includes("ro"),
    propagation: words.find((word) => propagations.includes(word)) ?? "",
    ...(words.includes("nocopy") && { noCopy: true }),
  };
}

/** Reads one entry of `--mount`. */
export function parseMount(mount: Mount): InstanceMount {
  const target = cleanTarget(mount.Target ?? "");
  const base = { target, readonly: mount.ReadOnly ?? false, mode: "", propagation: "" };
  switch (mount.Type) {
    case "bind":
      return { type: "bind", ...base, ...bindOptions(mount) };
    case "volume":
      return { type: "volume", ...base, ...volumeOptions(mount) };
    case "tmpfs":
      if (mount.VolumeOptions) throw invalid(`VolumeOptions must not be specified on mount type "tmpfs"`);
      if (mount.BindOptions) throw invalid(`BindOptions must not be specified on mount type "tmpfs"`);
      if (mount.Source) throw invalid(`invalid mount config for type "tmpfs": field Source must not be specified`);
      return { type: "tmpfs", ...base, source: "", tmpfsOptions: tmpfsText(mount) };
    case "image":
    case "cluster":
    case "npipe":
      throw unsupported(`mount type ${mount.Type} is not supported`);
    default:
      throw invalid(`invalid mount config: mount type unknown: "${mount.Type ?? ""}"`);
  }
}

function bindOptions({ Source: source, BindOptions: options, VolumeOptions }: Mount) {
  if (!source) throw invalid(`invalid mount config for type "bind": field Source must not be empty`);
  if (!source.startsWith("/")) {
    throw invalid(`invalid mount config for type "bind": invalid mount path: '${source}' mount path must be absolute`);
  }
  if (VolumeOptions) throw invalid(`invalid mount config for type "bind": field VolumeOptions must not be specified`);
  const propagation = options?.Propagation ?? "";
  if (propagation && !propagations.includes(propagation)) throw invalid(`invalid propagation mode: ${propagation}`);
  return {
    source: cleanPath(source),
    propagation,
    ...(options?.CreateMountpoint && { createSource: true }),
    ...(options?.NonRecursive && { nonRecursive: true }),
    ...(options?.ReadOnlyNonRecursive && { readonlyNonRecursive: true }),
  };
}

function volumeOptions({ Source: source, VolumeOptions: options, BindOptions }: Mount) {
  if (BindOptions) throw invalid(`invalid mount config for type "volume": field BindOptions must not be specified`);
  const driver = options?.DriverConfig?.Name || "local";
  if (driver !== "local") throw unsupported(`volume driver ${driver} is not supported: only local is`);
  if (source && !volumeName.test(source)) throw invalid(`invalid volume name: '${source}'`);
  return {
    source: source || newId(),
    driver,
    mode: "z",
    ...(!source && { anonymous: true }),
    ...(options?.NoCopy && { noCopy: true }),
    ...(options?.DriverConfig?.Options && { volumeOptions: texts(options.DriverConfig.Options) }),
    ...(options?.Labels && { volumeLabels: texts(options.Labels) }),
    ...(options?.Subpath && { subpath: cleanSubpath(options.Subpath) }),
  };
}

const texts = (map: Readonly<Record<string, string | null>>): Record<string, string> =>
  Object.fromEntries(Object.entries(map).map(([name, value]) => [name, value ?? ""]));

function cleanSubpath(text: string): string {
  if (text.startsWith("/") || text.split("/").includes("..")) {
    throw invalid("volume subpath must be a relative path within the volume");
  }
  return text;
}

function tmpfsText({ TmpfsOptions: options }: Mount): string {
  const words = [
    ...(options?.SizeBytes ? [`size=${options.SizeBytes}`] : []),
    ...(options?.Mode ? [`mode=${options.Mode.toString(8)}`] : []),
    ...(options?.Options ?? []).map((pair) => pair.join("=")),
  ];
  checkTmpfsOptions(words);
  return words.join(",");
}

function tmpfsMount(target: string, options: string): InstanceMount {
  checkTmpfsOptions(options.split(","));
  const base = { target: cleanTarget(target), readonly: false, mode: options, propagation: "" };
  return { type: "tmpfs", source: "", ...base, tmpfsOptions: options };
}

function checkTmpfsOptions(words: readonly string[]): void {
  const bad = words.find((word) => word !== "" && !tmpfsOption.test(word));
  if (bad !== undefined) throw invalid(`invalid tmpfs option "${bad}"`);
}

const tmpfsOption =
  /^(ro|rw|r?(no)?(exec|suid|dev|atime|diratime|relatime|strictatime)|sync|dirsync|defaults|(size|mode|uid|gid|nr_inodes|nr_blocks|mpol|huge)=[\w.%:]+)$/;

function anonymousVolume(target: string): InstanceMount {
  const source = newId();
  return {
    type: "volume",
    source,
    target,
    driver: "local",
    readonly: false,
    mode: "",
    propagation: "",
    anonymous: true,
  };
}

/** Absolute, without `.`, `..`, doubled or trailing slashes; the root itself is refused. */
function cleanTarget(text: string): string {
  if (!text.startsWith("/")) throw invalid(`invalid mount path: '${text}' mount path must be absolute`);
  const clean = cleanPath(text);
  if (clean === "/") throw invalid(`invalid specification: destination can't be '/'`);
  return clean;
}

export function cleanPath(text: string): string {
  const parts: string[] = [];
  for (const part of text.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  return `/${parts.join("/")}`;
}
