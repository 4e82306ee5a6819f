import { resolve } from "node:path";
import type { Mount } from "../../api/generated/engine-api.ts";
import { parseBytes } from "../../base/size.ts";
import { usageError } from "../exit.ts";
import { splitOnce } from "../split-once.ts";

export interface VolumePlan {
  readonly Binds: string[];
  /** Anonymous volumes by path. */
  readonly Volumes: Record<string, object>;
}

/** What `--volume` asks for. Relative host paths are taken from `cwd`. */
export function volumePlan(volumes: readonly string[], cwd: string): VolumePlan {
  const plan: VolumePlan = { Binds: [], Volumes: {} };
  for (const text of volumes) {
    const [source, target] = splitOnce(text, ":");
    if (text === "" || source === "") throw usageError(`invalid spec: ${text}: empty section between colons`);
    if (target === undefined) plan.Volumes[source] = {};
    else plan.Binds.push(source.startsWith(".") ? `${resolve(cwd, source)}:${target}` : text);
  }
  return plan;
}

/** What `--tmpfs` asks for: options by path. */
export const tmpfsPlan = (texts: readonly string[]): Record<string, string> =>
  Object.fromEntries(texts.map((text) => splitOnce(text, ":")).map(([path, options = ""]) => [path, options]));

type Mutable = Mount & { Type: string };
type Setter = (mount: Mutable, value: string, key: string) => void;

const setters: Record<string, Setter> = {
  type: (mount, value) => {
    mount.Type = value.toLowerCase() as Mutable["Type"];
  },
  source: (mount, value) => {
    mount.Source = value;
  },
  target: (mount, value) => {
    mount.Target = value;
  },
  readonly: (mount, value, key) => {
    mount.ReadOnly = truth(value, key);
  },
  consistency: (mount, value) => {
    mount.Consistency = value.toLowerCase();
  },
  "bind-propagation": (mount, value) => {
    bind(mount).Propagation = value.toLowerCase() as NonNullable<Mount["BindOptions"]>["Propagation"];
  },
  "bind-nonrecursive": (mount, value, key) => {
    bind(mount).NonRecursive = truth(value, key);
  },
  "bind-recursive": setRecursion,
  "bind-create-src": (mount, value, key) => {
    bind(mount).CreateMountpoint = truth(value, key);
  },
  "volume-subpath": (mount, value) => {
    volume(mount).Subpath = value;
  },
  "volume-nocopy": (mount, value, key) => {
    volume(mount).NoCopy = truth(value, key);
  },
  "volume-label": (mount, value) => {
    const [name, text = ""] = splitOnce(value, "=");
    volume(mount).Labels = { ...volume(mount).Labels, [name]: text };
  },
  "volume-driver": (mount, value) => {
    driver(mount).Name = value;
  },
  "volume-opt": (mount, value) => {
    const [name, text = ""] = splitOnce(value, "=");
    driver(mount).Options = { ...driver(mount).Options, [name]: text };
  },
  "image-subpath": (mount, value) => {
    mount.ImageOptions = { Subpath: value };
  },
  "tmpfs-size": (mount, value) => {
    mount.TmpfsOptions = { ...mount.TmpfsOptions, SizeBytes: parseBytes(value) };
  },
  "tmpfs-mode": (mount, value) => {
    if (!/^[0-7]{1,5}$/.test(value)) throw usageError(`invalid value for tmpfs-mode: ${value}`);
    mount.TmpfsOptions = { ...mount.TmpfsOptions, Mode: Number.parseInt(value, 8) };
  },
};
const otherNames: Record<string, string> = { src: "source", dst: "target", destination: "target", ro: "readonly" };
const switches = ["readonly", "volume-nocopy", "bind-nonrecursive", "bind-create-src"];

/** The mount that one `--mount` describes. */
export function parseMount(text: string, cwd: string): Mount {
  const mount: Mutable = { Type: "volume" };
  for (const field of csvFields(text)) {
    const [rawKey, value] = splitOnce(field, "=");
    const key = otherNames[rawKey.toLowerCase()] ?? rawKey.toLowerCase();
    if (value === undefined && !switches.includes(key)) {
      throw usageError(`invalid field '${field}' must be a key=value pair`);
    }
    const setter = Object.hasOwn(setters, key) ? setters[key] : undefined;
    if (setter === undefined) throw usageError(`unexpected key '${rawKey}' in '${field}'`);
    setter(mount, value ?? "true", rawKey);
  }
  checkMount(mount);
  if (mount.Type === "bind" && mount.Source?.startsWith(".")) mount.Source = resolve(cwd, mount.Source);
  return mount;
}

function checkMount(mount: Mutable): void {
  if (!mount.Target) throw usageError("target is required");
  checkRecursion(mount);
  const owned = [
    ["volume", mount.VolumeOptions],
    ["bind", mount.BindOptions],
    ["image", mount.ImageOptions],
    ["tmpfs", mount.TmpfsOptions],
  ] as const;
  for (const [type, options] of owned) {
    if (options !== undefined && mount.Type !== type) {
      throw usageError(`cannot mix '${type}-*' options with mount type '${mount.Type}'`);
    }
  }
}

function checkRecursion({ BindOptions, ReadOnly }: Mutable): void {
  const { ReadOnlyNonRecursive: writable, ReadOnlyForceRecursive: readonly, Propagation } = BindOptions ?? {};
  if (writable && !ReadOnly) throw usageError("option 'bind-recursive=writable' requires 'readonly' to be specified");
  if (readonly && !ReadOnly) throw usageError("option 'bind-recursive=readonly' requires 'readonly' to be specified");
  if (readonly && Propagation !== "rprivate") {
    throw usageError("option 'bind-recursive=readonly' requires 'bind-propagation=rprivate' to be specified");
  }
}

function setRecursion(mount: Mutable, value: string): void {
  if (value === "disabled") bind(mount).NonRecursive = true;
  else if (value === "writable") bind(mount).ReadOnlyNonRecursive = true;
  else if (value === "readonly") bind(mount).ReadOnlyForceRecursive = true;
  else if (value !== "enabled") throw usageError(`invalid value for bind-recursive: ${value}`);
}

function bind(mount: Mutable): NonNullable<Mount["BindOptions"]> {
  mount.BindOptions ??= {};
  return mount.BindOptions;
}

function volume(mount: Mutable): NonNullable<Mount["VolumeOptions"]> {
  mount.VolumeOptions ??= {};
  return mount.VolumeOptions;
}

function driver(mount: Mutable) {
  const options = volume(mount);
  options.DriverConfig ??= {};
  return options.DriverConfig;
}

function truth(value: string, key: string): boolean {
  if (["true", "1", "t"].includes(value.toLowerCase())) return true;
  if (["false", "0", "f"].includes(value.toLowerCase())) return false;
  throw usageError(`invalid value for ${key}: ${value}`);
}

/** Fields between commas; one in double quotes may hold commas. */
export function csvFields(text: string): string[] {
  const fields = text.match(/(?:"(?:[^"]|"")*"|[^,])*(?:,|$)/g) ?? [];
  const last = fields.at(-1) === "" && !text.endsWith(",") ? -1 : undefined;
  return fields.slice(0, last).map((field) => {
    const bare = field.replace(/,$/, "");
    return /^".*"$/.test(bare) ? bare.slice(1, -1).replaceAll('""', '"') : bare;
  });
}
