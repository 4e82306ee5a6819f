import { existsSync, readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { invalid, messageOf } from "../base/error.ts";
import { parseBytes } from "../base/size.ts";

/** Everything a daemon can be told, by flags and by a file with dockerd's keys. */
export interface DaemonConfig {
  readonly dataRoot: string;
  readonly execRoot: string;
  readonly hosts: readonly string[];
  readonly pidFile: string | undefined;
  readonly group: string;
  readonly debug: boolean;
  readonly logLevel: "debug" | "info" | "warn" | "error";
  readonly logFormat: "text" | "json";
  readonly tls: { readonly ca: string; readonly cert: string; readonly key: string } | undefined;
  readonly registryMirrors: readonly string[];
  readonly insecureRegistries: readonly string[];
  readonly maxConcurrentDownloads: number;
  readonly maxConcurrentUploads: number;
  readonly maxDownloadAttempts: number;
  readonly addressPools: ReadonlyArray<{ base: string; size: number }>;
  readonly bip: string | undefined;
  readonly bridge: string | undefined;
  readonly defaultRuntime: string | undefined;
  readonly microvmPool: number;
  readonly runtimes: Readonly<Record<string, { path: string; runtimeArgs: readonly string[] }>>;
  readonly logDriver: string;
  readonly logOpts: Readonly<Record<string, string>>;
  readonly defaultUlimits: Readonly<Record<string, { soft: number; hard: number }>>;
  readonly defaultShmBytes: number;
  readonly dns: readonly string[];
  readonly dnsOpts: readonly string[];
  readonly dnsSearch: readonly string[];
  readonly labels: readonly string[];
  readonly init: boolean;
  readonly initPath: string | undefined;
  readonly cgroupParent: string;
  readonly favorCgroupMoves: boolean;
  readonly sshKnownHosts: string | undefined;
  readonly buildUserns: "mapped" | "host";
  readonly buildDownloadBytes: number;
  readonly shutdownTimeout: number;
  readonly metricsAddr: string | undefined;
}

type Kind = "text" | "list" | "flag" | "number" | "map";

interface Key {
  readonly kind: Kind;
  readonly short?: string;
  /** Name in the file when it differs from the flag. */
  readonly file?: string;
  /** Only in the file. */
  readonly fileOnly?: boolean;
  readonly help: string;
}

/** The keys of daemon.json and the flags of `isle daemon`: one table for reading, checking and help. */
export const daemonKeys: Readonly<Record<string, Key>> = {
  "data-root": { kind: "text", help: "Where images, instances and volumes are kept" },
  "exec-root": { kind: "text", help: "Where the state of running instances is kept" },
  host: { kind: "list", short: "H", file: "hosts", help: "Socket to listen on: unix://PATH, fd:// or tcp://ADDRESS" },
  "config-file": { kind: "text", help: "Configuration file" },
  pidfile: { kind: "text", short: "p", help: "File for the daemon's process id" },
  group: { kind: "text", short: "G", help: "Group that may use the unix socket" },
  debug: { kind: "flag", short: "D", help: "Log everything" },
  "log-level": { kind: "text", short: "l", help: "debug, info, warn or error" },
  "log-format": { kind: "text", help: "text or json" },
  tlsverify: { kind: "flag", help: "Take only clients with a certificate of the authority" },
  tlscacert: { kind: "text", help: "Certificate authority of the clients" },
  tlscert: { kind: "text", help: "Certificate of this server" },
  tlskey: { kind: "text", help: "Key of this server" },
  "registry-mirror": { kind: "list", file: "registry-mirrors", help: "Mirror of docker.io to ask first" },
  "insecure-registry": {
    kind: "list",
    file: "insecure-registries",
    help: "Registry or block of addresses without verified TLS",
  },
  "max-concurrent-downloads": { kind: "number", help: "Layers pulled at a time" },
  "max-concurrent-uploads": { kind: "number", help: "Layers pushed at a time" },
  "max-download-attempts": { kind: "number", help: "Tries for a layer" },
  "default-address-pools": { kind: "map", fileOnly: true, help: "Subnets to choose from, as base and size" },
  bip: { kind: "text", help: "Address and prefix of the default bridge" },
  bridge: { kind: "text", short: "b", help: "Name of the default bridge" },
  "default-runtime": { kind: "text", help: "OCI runtime of containers that name none" },
  "microvm-pool": { kind: "number", help: "MicroVMs that wait for the next start, at most; 0 for none" },
  runtimes: { kind: "map", fileOnly: true, help: "More OCI runtimes, by name with path and runtimeArgs" },
  "log-driver": { kind: "text", help: "json-file, local or none" },
  "log-opts": { kind: "map", fileOnly: true, help: "Default log options" },
  "default-ulimits": { kind: "map", fileOnly: true, help: "Default limits, by name with Soft and Hard" },
  "default-shm-size": { kind: "text", help: "Size of /dev/shm" },
  dns: { kind: "list", help: "Name server for containers" },
  "dns-opt": { kind: "list", file: "dns-opts", help: "Resolver option for containers" },
  "dns-search": { kind: "list", help: "Search domain for containers" },
  label: { kind: "list", file: "labels", help: "Label of this daemon" },
  init: { kind: "flag", help: "Put an init first in every container" },
  "init-path": { kind: "text", help: "Program to use as init" },
  "cgroup-parent": { kind: "text", help: "Parent cgroup of all containers" },
  "cgroup-favor-moves": {
    kind: "flag",
    help: "Have the kernel favour quick starts (the default; --no-cgroup-favor-moves leaves it as it is)",
  },
  "build-userns": {
    kind: "text",
    help: "Users of build steps: mapped to nobody of this machine where possible (the default), or host",
  },
  "build-download-limit": {
    kind: "text",
    help: "The most that a build fetches from one URL or repository, 10g without a word",
  },
  "ssh-known-hosts": {
    kind: "text",
    help: "Keys of hosts that builds read repositories from over ssh, instead of /etc/ssh/ssh_known_hosts",
  },
  "shutdown-timeout": { kind: "number", help: "Seconds for requests to end at shutdown" },
  "metrics-addr": { kind: "text", help: "Address for Prometheus, such as 127.0.0.1:9323" },
  "live-restore": { kind: "flag", help: "Accepted; containers always outlive the daemon" },
};

type Values = Readonly<Record<string, unknown>>;

/** Reads flags and file; a key in both is refused, as is anything unknown. */
export function readConfig(args: readonly string[]): DaemonConfig {
  const flags = readFlags(args);
  const path = (flags["config-file"] as string | undefined) ?? "/etc/isle/daemon.json";
  if (flags["config-file"] && !existsSync(path))
    throw invalid(`unable to configure the daemon with file ${path}: no such file`);
  const file = existsSync(path) ? readFile(path) : {};
  const both = Object.keys(file).filter((name) => name in flags);
  if (both.length > 0) {
    throw invalid(
      `the following directives are specified both as a flag and in the configuration file: ${both.join(", ")}`,
    );
  }
  return toConfig({ ...file, ...flags });
}

function readFlags(args: readonly string[]): Values {
  const options = Object.fromEntries(
    Object.entries(daemonKeys)
      .filter(([, key]) => !key.fileOnly)
      .map(([name, { kind, short }]) => [
        name,
        {
          type: kind === "flag" ? ("boolean" as const) : ("string" as const),
          ...(kind === "list" && { multiple: true }),
          ...(short && { short }),
        },
      ]),
  );
  try {
    return parseArgs({ args: [...args], options, strict: true, allowNegative: true }).values as Values;
  } catch (cause) {
    throw invalid(messageOf(cause), { hint: "see isle daemon --help", cause });
  }
}

/** The file's values under the names of the flags. */
function readFile(path: string): Values {
  let parsed: unknown;
  try {
    parsed = JSON.parse(readFileSync(path, "utf8"));
  } catch (cause) {
    throw invalid(`unable to configure the daemon with file ${path}: ${messageOf(cause)}`, { cause });
  }
  if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed))
    throw invalid(`${path}: want a JSON object`);
  const byFileName = new Map(Object.entries(daemonKeys).map(([name, key]) => [key.file ?? name, name]));
  const entries = Object.entries(parsed).map(([name, value]) => {
    const flag = byFileName.get(name);
    if (!flag)
      throw invalid(`the following directives don't match any configuration option: ${name}`, {
        hint: `remove it from ${path}`,
      });
    checkKind(path, name, value, daemonKeys[flag]!.kind);
    return [flag, value] as const;
  });
  return Object.fromEntries(entries);
}

function checkKind(path: string, name: string, value: unknown, kind: Kind): void {
  const fits = {
    text: typeof value === "string",
    list: Array.isArray(value) && value.every((item) => typeof item === "string"),
    flag: typeof value === "boolean",
    number: typeof value === "number",
    map: typeof value === "object" && value !== null,
  }[kind];
  if (!fits) throw invalid(`${path}: ${name}: want a ${kind}`);
}

const list = (value: unknown): string[] => (value as string[] | undefined) ?? [];
const text = (value: unknown): string | undefined => value as string | undefined;

function number(values: Values, name: string, otherwise: number): number {
  const value = values[name];
  if (value === undefined) return otherwise;
  const parsed = Number(value);
  if (!Number.isInteger(parsed) || parsed < 0) throw invalid(`${name}: want a whole number, got ${String(value)}`);
  return parsed;
}

function oneOf<T extends string>(name: string, value: string | undefined, allowed: readonly T[], otherwise: T): T {
  if (value === undefined) return otherwise;
  const found = allowed.find((item) => item === value);
  if (!found) throw invalid(`${name}: ${value} is not one of ${allowed.join(", ")}`);
  return found;
}

function toConfig(values: Values): DaemonConfig {
  const debug = values["debug"] === true;
  const runtimes = (values["runtimes"] ?? {}) as Record<string, { path: string; runtimeArgs?: string[] }>;
  const ulimits = (values["default-ulimits"] ?? {}) as Record<string, { Soft: number; Hard: number }>;
  return {
    dataRoot: text(values["data-root"]) ?? "/var/lib/isle",
    execRoot: text(values["exec-root"]) ?? "/run/isle",
    hosts: values["host"] ? list(values["host"]) : ["unix:///run/isle/isle.sock"],
    pidFile: text(values["pidfile"]),
    group: text(values["group"]) ?? "isle",
    debug,
    logLevel: oneOf(
      "log-level",
      text(values["log-level"]),
      ["debug", "info", "warn", "error"],
      debug ? "debug" : "info",
    ),
    logFormat: oneOf("log-format", text(values["log-format"]), ["text", "json"], "text"),
    tls: readTls(values),
    registryMirrors: list(values["registry-mirror"]),
    insecureRegistries: list(values["insecure-registry"]),
    maxConcurrentDownloads: number(values, "max-concurrent-downloads", 3),
    maxConcurrentUploads: number(values, "max-concurrent-uploads", 5),
    maxDownloadAttempts: number(values, "max-download-attempts", 5),
    addressPools: (values["default-address-pools"] as DaemonConfig["addressPools"] | undefined) ?? [],
    bip: text(values["bip"]),
    bridge: text(values["bridge"]),
    defaultRuntime: text(values["default-runtime"]),
    microvmPool: number(values, "microvm-pool", 2),
    runtimes: Object.fromEntries(
      Object.entries(runtimes).map(([name, { path, runtimeArgs }]) => [name, { path, runtimeArgs: runtimeArgs ?? [] }]),
    ),
    logDriver: oneOf("log-driver", text(values["log-driver"]), ["json-file", "local", "none"], "json-file"),
    logOpts: (values["log-opts"] ?? {}) as Record<string, string>,
    defaultUlimits: Object.fromEntries(
      Object.entries(ulimits).map(([name, { Soft, Hard }]) => [name, { soft: Soft, hard: Hard }]),
    ),
    defaultShmBytes: parseBytes(text(values["default-shm-size"]) ?? "64m"),
    dns: list(values["dns"]),
    dnsOpts: list(values["dns-opt"]),
    dnsSearch: list(values["dns-search"]),
    labels: list(values["label"]),
    init: values["init"] === true,
    initPath: text(values["init-path"]),
    cgroupParent: text(values["cgroup-parent"]) ?? "isle",
    favorCgroupMoves: values["cgroup-favor-moves"] !== false,
    sshKnownHosts: text(values["ssh-known-hosts"]),
    buildUserns: oneOf("build-userns", text(values["build-userns"]), ["mapped", "host"], "mapped"),
    buildDownloadBytes: parseBytes(text(values["build-download-limit"]) ?? "10g"),
    shutdownTimeout: number(values, "shutdown-timeout", 15),
    metricsAddr: text(values["metrics-addr"]),
  };
}

function readTls(values: Values): DaemonConfig["tls"] {
  const [ca, cert, key] = ["tlscacert", "tlscert", "tlskey"].map((name) => text(values[name]));
  if (!values["tlsverify"] && !ca && !cert && !key) return undefined;
  if (!ca || !cert || !key) throw invalid("TLS needs --tlscacert, --tlscert and --tlskey");
  return { ca, cert, key };
}
