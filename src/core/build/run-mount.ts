import { parseBytes } from "../../base/size.ts";

/** A `RUN --mount`, its variables expanded. */
export interface RunMount {
  readonly type: "bind" | "cache" | "tmpfs" | "secret" | "ssh";
  /** Empty for a secret that only becomes a variable, and for an agent that is put where agents are. */
  readonly target: string;
  readonly source: string;
  readonly from: string | undefined;
  readonly id: string;
  readonly readonly: boolean;
  readonly sharing: "shared" | "private" | "locked";
  readonly required: boolean;
  readonly env: string | undefined;
  readonly mode: number | undefined;
  readonly uid: number;
  readonly gid: number;
  readonly sizeBytes: number | undefined;
}

const types = ["bind", "cache", "tmpfs", "secret", "ssh"] as const;
const sharings = ["shared", "private", "locked"] as const;

const allowed: Readonly<Record<RunMount["type"], readonly string[]>> = {
  bind: ["target", "source", "from", "readwrite", "readonly"],
  cache: ["target", "source", "from", "id", "readonly", "readwrite", "sharing", "mode", "uid", "gid"],
  tmpfs: ["target", "size"],
  secret: ["target", "id", "required", "mode", "uid", "gid", "env"],
  ssh: ["target", "id", "required", "mode", "uid", "gid"],
};

const synonyms: Readonly<Record<string, string>> = {
  dst: "target",
  destination: "target",
  src: "source",
  ro: "readonly",
  rw: "readwrite",
};

/** Reads `type=cache,target=/root/.cache,…`. Throws an Error that says what is wrong. */
export function parseRunMount(text: string): RunMount {
  const fields = readFields(text);
  const given = (key: string, otherwise: string): string => fields.get(key) ?? otherwise;
  const type = oneOf("type", given("type", "bind"), types);
  const unknown = [...fields.keys()].find((key) => key !== "type" && !allowed[type].includes(key));
  if (unknown !== undefined) throw new Error(`unexpected key '${unknown}' for mount type '${type}'`);
  const target = fields.get("target") ?? defaultTarget(type, fields);
  if (target === "" && type !== "secret" && type !== "ssh") throw new Error(`missing target in mount ${text}`);
  return {
    type,
    target,
    source: given("source", "/"),
    from: fields.get("from"),
    id: given("id", defaultId(type, target)),
    readonly: type === "bind" ? !isTrue(fields, "readwrite") : isTrue(fields, "readonly"),
    sharing: oneOf("sharing", given("sharing", "shared"), sharings),
    required: isTrue(fields, "required"),
    env: fields.get("env"),
    mode: optional(fields.get("mode"), octal),
    uid: whole("uid", given("uid", "0")),
    gid: whole("gid", given("gid", "0")),
    sizeBytes: optional(fields.get("size"), parseBytes),
  };
}

/** `key=value` pairs, the synonyms of keys resolved; a key alone is true. */
function readFields(text: string): ReadonlyMap<string, string> {
  const fields = new Map<string, string>();
  for (const part of text.split(",").filter(Boolean)) {
    const [, key = "", value = "true"] = /^([^=]+)(?:=(.*))?$/s.exec(part) ?? [];
    fields.set(synonyms[key.toLowerCase()] ?? key.toLowerCase(), value.replace(/^"(.*)"$/s, "$1"));
  }
  return fields;
}

function defaultId(type: RunMount["type"], target: string): string {
  if (type === "cache") return target;
  return type === "ssh" ? "default" : target.split("/").at(-1)!;
}

const optional = <T>(text: string | undefined, read: (text: string) => T): T | undefined =>
  text === undefined ? undefined : read(text);

function defaultTarget(type: RunMount["type"], fields: ReadonlyMap<string, string>): string {
  const id = fields.get("id") ?? "";
  if (type !== "secret") return "";
  if (id === "") throw new Error("a secret mount wants an id or a target");
  return fields.has("env") ? "" : `/run/secrets/${id.split("/").at(-1)}`;
}

const isTrue = (fields: ReadonlyMap<string, string>, key: string): boolean => {
  const value = fields.get(key);
  return value !== undefined && /^(true|1)$/i.test(value);
};

function oneOf<T extends string>(key: string, value: string, values: readonly T[]): T {
  const found = values.find((each) => each === value);
  if (!found) throw new Error(`invalid ${key} '${value}' in mount: it must be one of ${values.join(", ")}`);
  return found;
}

function octal(text: string): number {
  if (!/^[0-7]{1,5}$/.test(text)) throw new Error(`invalid mode '${text}' in mount`);
  return Number.parseInt(text, 8);
}

function whole(key: string, text: string): number {
  if (!/^\d{1,10}$/.test(text)) throw new Error(`invalid ${key} '${text}' in mount`);
  return Number(text);
}
