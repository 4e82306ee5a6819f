import type { SystemInfo } from "../../api/generated/engine-api.ts";
import { messageOf } from "../../base/error.ts";
import { formatBinaryBytes } from "../../base/size.ts";
import { systemInfo } from "../../client/system.ts";
import { command } from "../command.ts";
import { usageError } from "../exit.ts";
import { formatFlag } from "../flags/shared.ts";
import { clientVersion } from "../version.ts";

export const info = command({
  summary: "Show what the engine is and can do",
  usage: "[OPTIONS]",
  args: { min: 0, max: 0 },
  flags: { format: { ...formatFlag, short: "f" } },
  examples: [["isle info --format '{{.NCPU}} {{.MemTotal}}'", "Processors and memory of the engine's machine"]],
  async run({ flags, client, io, warn }) {
    const found = await systemInfo(client);
    const ClientInfo = { Debug: false, Version: clientVersion, Context: "default" };
    await io.stdout.write(await show({ ...found, ClientInfo }, flags.format));
    for (const warning of flags.format === "" ? (found.Warnings ?? []) : []) await warn(warning);
    return undefined;
  },
});

async function show(found: SystemInfo & { ClientInfo: object }, format: string): Promise<string> {
  if (format === "json") return `${JSON.stringify(found)}\n`;
  if (format === "") return infoText(found);
  const { compileTemplate } = await import("../template/evaluate.ts");
  try {
    return `${compileTemplate(format)(found)}\n`;
  } catch (error) {
    throw usageError(`template parsing error: template: :1: ${messageOf(error)}`);
  }
}

type Row = readonly [indent: number, label: string, value: unknown];

/** The report people read; rows without a value are left out. */
function infoText(found: SystemInfo): string {
  const rows: Row[] = [
    ...countRows(found),
    ...driverRows(found),
    ...runtimeRows(found),
    ...machineRows(found),
    ...registryRows(found),
    [1, "Live Restore Enabled", found.LiveRestoreEnabled],
  ];
  const client = `Client:\n Version:    ${clientVersion}\n Context:    default\n Debug Mode: false\n\nServer:\n`;
  return `${client}${rows.flatMap(rowText).join("")}\n`;
}

function rowText([indent, label, value]: Row): string[] {
  if (value === plain) return [`${" ".repeat(indent)}${label}\n`];
  if (value === undefined || value === null || value === "") return [];
  return [`${" ".repeat(indent)}${label}: ${value}`.trimEnd().concat("\n")];
}

/** Instead of a value: the label stands alone, without a colon. */
const plain = Symbol("plain");

/** A label alone, above indented rows. */
const heading = (label: string): Row => [1, label, " "];

function countRows(found: SystemInfo): Row[] {
  return [
    [1, "Containers", found.Containers],
    [2, "Running", found.ContainersRunning],
    [2, "Paused", found.ContainersPaused],
    [2, "Stopped", found.ContainersStopped],
    [1, "Images", found.Images],
    [1, "Server Version", found.ServerVersion],
  ];
}

function driverRows(found: SystemInfo): Row[] {
  const plugins = found.Plugins ?? {};
  return [
    [1, "Storage Driver", found.Driver],
    ...(found.DriverStatus ?? []).map(([label, value]): Row => [2, label ?? "", value]),
    [1, "Logging Driver", found.LoggingDriver],
    [1, "Cgroup Driver", found.CgroupDriver],
    [1, "Cgroup Version", found.CgroupVersion],
    heading("Plugins"),
    [2, "Volume", plugins.Volume?.join(" ")],
    [2, "Network", plugins.Network?.join(" ")],
    [2, "Log", plugins.Log?.join(" ")],
    ...((found.CDISpecDirs ?? []).length > 0 ? [heading("CDI spec directories")] : []),
    ...(found.CDISpecDirs ?? []).map((directory): Row => [2, directory, plain]),
    [1, "Swarm", found.Swarm?.LocalNodeState],
  ];
}

function runtimeRows(found: SystemInfo): Row[] {
  const options = found.SecurityOptions ?? [];
  return [
    [
      1,
      "Runtimes",
      Object.keys(found.Runtimes ?? {})
        .sort()
        .join(" "),
    ],
    [1, "Default Runtime", found.DefaultRuntime],
    ...microvmRows(found),
    ...buildRows(found),
    [1, "Init Binary", found.InitBinary],
    [1, "containerd version", found.ContainerdCommit?.ID],
    [1, "runc version", found.RuncCommit?.ID],
    [1, "init version", found.InitCommit?.ID],
    ...(options.length > 0 ? [heading("Security Options")] : []),
    ...options.flatMap(securityRows),
  ];
}

/** What isle chose for microVMs; other engines have none. */
function microvmRows(found: SystemInfo): Row[] {
  const facts = found.Runtimes?.["isle-vm"]?.status ?? {};
  const rows = Object.entries(facts).map(([name, fact]): Row => [2, capital(name.replace("isle.vm.", "")), fact]);
  return rows.length > 0 ? [heading("MicroVMs"), ...rows] : [];
}

/** Whether root of a build's step is root of the machine; other engines do not tell. */
function buildRows({ Runtimes }: SystemInfo): Row[] {
  const told = Object.values(Runtimes ?? {}).map((each) => each?.status?.["isle.build.mapped-users"]);
  return [[1, "Build Steps As Mapped Users", told.find((each) => each !== undefined)]];
}

/** `name=seccomp,profile=builtin` as a name and its settings. */
function securityRows(option: string): Row[] {
  const fields = option.split(",").map((field) => field.split("="));
  return fields.map(([key = "", value = ""]) => (key === "name" ? [2, value, plain] : [3, capital(key), value]) as Row);
}

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

function machineRows(found: SystemInfo): Row[] {
  return [
    [1, "Kernel Version", found.KernelVersion],
    [1, "Operating System", found.OperatingSystem],
    [1, "OSType", found.OSType],
    [1, "Architecture", found.Architecture],
    [1, "CPUs", found.NCPU],
    [1, "Total Memory", formatBinaryBytes(found.MemTotal ?? 0)],
    [1, "Name", found.Name],
    [1, "ID", found.ID],
    [1, "Docker Root Dir", found.DockerRootDir],
    [1, "Debug Mode", found.Debug ?? false],
    [1, "HTTP Proxy", found.HttpProxy],
    [1, "HTTPS Proxy", found.HttpsProxy],
    [1, "No Proxy", found.NoProxy],
    ...((found.Labels ?? []).length > 0 ? [heading("Labels")] : []),
    ...(found.Labels ?? []).map((label): Row => [2, label, plain]),
    [1, "Experimental", found.ExperimentalBuild ?? false],
  ];
}

function registryRows({ RegistryConfig }: SystemInfo): Row[] {
  const cidrs = (RegistryConfig?.InsecureRegistryCIDRs ?? []) as string[];
  const mirrors = (RegistryConfig?.Mirrors ?? []) as string[];
  const list = (label: string, items: readonly string[]): string[] => (items.length === 0 ? [] : [label, ...items]);
  return [list("Insecure Registries", cidrs), list("Registry Mirrors", mirrors)].flatMap(([label, ...items]) =>
    label === undefined ? [] : [heading(label), ...items.map((item): Row => [2, item, plain])],
  );
}
