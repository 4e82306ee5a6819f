import type {
  ContainerConfig,
  EndpointSettings,
  HealthConfig,
  HostConfig,
  RestartPolicy,
} from "../../api/generated/engine-api.ts";
import { usageError } from "../exit.ts";
import type { FlagValues } from "../flags/flag.ts";
import { splitOnce } from "../split-once.ts";
import type { ContainerFlags } from "./container-flags.ts";
import { environment, labels, type Surroundings } from "./environment.ts";
import { parseMount, tmpfsPlan, volumePlan } from "./mounts.ts";
import { networkLabels, networkPlan } from "./networks.ts";
import { portPlan } from "./ports.ts";
import { compact, resources } from "./resources.ts";
import { securityPlan } from "./security.ts";

export interface CreateInput {
  readonly flags: FlagValues<ContainerFlags>;
  /** Names of the flags that were written. */
  readonly changed: ReadonlySet<string>;
  readonly image: string;
  /** The command and its arguments. */
  readonly args: readonly string[];
  readonly around: Surroundings;
}

export type CreateBody = ContainerConfig & {
  HostConfig: HostConfig;
  NetworkingConfig: { EndpointsConfig: Record<string, EndpointSettings> };
};

/** The body of POST /containers/create for a command line. Throws Exit for flags that contradict each other. */
export function createBody(input: CreateInput): CreateBody {
  const { flags, around } = input;
  const network = networkPlan(flags);
  const ports = portPlan(flags.publish, flags.expose);
  const volumes = volumePlan(flags.volume, around.cwd);
  return {
    ...config(input),
    ...compact({ ExposedPorts: ports.exposed, Volumes: volumes.Volumes }),
    HostConfig: {
      ...hostConfig(input),
      ...compact({ Binds: volumes.Binds, PortBindings: ports.bindings }),
      NetworkMode: network.NetworkMode,
    },
    NetworkingConfig: { EndpointsConfig: network.EndpointsConfig },
  };
}

/** By a label, so that other clients and Compose files can say it too. */
const idleLabels = (flags: CreateInput["flags"]): Record<string, string> =>
  flags["suspend-after"] === "" ? {} : { "isle.suspend-after": flags["suspend-after"] };

function config(input: CreateInput): ContainerConfig {
  const { flags, changed, image, args, around } = input;
  const attach = attachPlan(flags);
  return {
    ...attach,
    ...compact({
      Domainname: flags.domainname,
      Env: environment(flags["env-file"], flags.env, around),
      Entrypoint: entrypoint(flags.entrypoint, changed.has("entrypoint")),
      Healthcheck: healthcheck(flags, changed),
      Hostname: flags.hostname,
      Labels: { ...labels(flags["label-file"], flags.label, around), ...networkLabels(flags), ...idleLabels(flags) },
      OpenStdin: flags.interactive,
      StdinOnce: flags.interactive && attach.AttachStdin,
      StopSignal: flags["stop-signal"],
      Tty: flags.tty,
      User: flags.user,
      WorkingDir: flags.workdir,
    }),
    ...(changed.has("stop-timeout") && { StopTimeout: flags["stop-timeout"] }),
    ...(args.length > 0 && { Cmd: [...args] }),
    Image: image,
  };
}

/** `--entrypoint ""` empties the image's. */
function entrypoint(value: string, written: boolean): string[] | undefined {
  return written ? [value] : undefined;
}

function attachPlan(flags: CreateInput["flags"]) {
  const wanted = flags.attach.map((name) => name.toLowerCase());
  const all = wanted.length === 0;
  return {
    AttachStdin: flags.interactive || wanted.includes("stdin"),
    AttachStdout: all || wanted.includes("stdout"),
    AttachStderr: all || wanted.includes("stderr"),
  };
}

function healthcheck(flags: CreateInput["flags"], changed: ReadonlySet<string>): HealthConfig | undefined {
  const isSet = [...changed].some((name) => name.startsWith("health-"));
  if (flags["no-healthcheck"]) {
    if (isSet) throw usageError("--no-healthcheck conflicts with --health-* options");
    return { Test: ["NONE"] };
  }
  if (!isSet) return undefined;
  const negative = ["interval", "timeout", "start-period", "retries", "start-interval"].find(
    (name) => (flags[`health-${name}` as "health-retries"] ?? 0) < 0,
  );
  if (negative) throw usageError(`--health-${negative} cannot be negative`);
  return compact({
    Test: flags["health-cmd"] === "" ? [] : ["CMD-SHELL", flags["health-cmd"]],
    Interval: flags["health-interval"],
    Retries: flags["health-retries"],
    StartInterval: flags["health-start-interval"],
    StartPeriod: flags["health-start-period"],
    Timeout: flags["health-timeout"],
  });
}

function hostConfig({ flags, changed, around }: CreateInput): HostConfig {
  const { SecurityOpt, MaskedPaths, ReadonlyPaths } = securityPlan(flags["security-opt"], around.readText);
  checkModes(flags);
  return {
    ...resources(flags),
    ...compact({
      Annotations: flags.annotation,
      AutoRemove: flags.rm,
      ...capabilities(flags["cap-add"], flags["cap-drop"]),
      CgroupnsMode: flags.cgroupns as HostConfig["CgroupnsMode"],
      ContainerIDFile: flags.cidfile,
      Dns: [...flags.dns],
      DnsOptions: [...flags["dns-option"], ...flags["dns-opt"]],
      DnsSearch: [...flags["dns-search"]],
      ExtraHosts: [...flags["add-host"]],
      GroupAdd: [...flags["group-add"]],
      IpcMode: flags.ipc,
      Links: [...flags.link],
      LogConfig: logConfig(flags),
      Mounts: flags.mount.map((text) => parseMount(text, around.cwd)),
      OomScoreAdj: flags["oom-score-adj"],
      PidMode: flags.pid,
      Privileged: flags.privileged,
      PublishAllPorts: flags["publish-all"],
      ReadonlyRootfs: flags["read-only"],
      RestartPolicy: restartPolicy(flags.restart),
      Runtime: runtime(flags),
      SecurityOpt,
      ShmSize: flags["shm-size"],
      StorageOpt: pairs(flags["storage-opt"], "storage option"),
      Sysctls: flags.sysctl,
      Tmpfs: tmpfsPlan(flags.tmpfs),
      UTSMode: flags.uts,
      UsernsMode: flags.userns,
      VolumeDriver: flags["volume-driver"],
      VolumesFrom: [...flags["volumes-from"]],
    }),
    ...(changed.has("init") && { Init: flags.init }),
    ...(MaskedPaths && { MaskedPaths, ReadonlyPaths }),
  };
}

/** Full names, sorted, each once. */
function capabilities(add: readonly string[], drop: readonly string[]) {
  const names = (texts: readonly string[]) => {
    const full = texts.map((text) => text.trim().toUpperCase());
    return [...new Set(full.map((name) => (name === "ALL" || name.startsWith("CAP_") ? name : `CAP_${name}`)))].sort();
  };
  return { CapAdd: names(add), CapDrop: names(drop) };
}

/** Where `--isolation` leads: every degree is an OCI runtime of the engine. */
const isolationRuntimes: Record<string, string> = { sandbox: "gvisor", microvm: "isle-vm" };

function runtime({ runtime, isolation }: CreateInput["flags"]): string {
  const wanted = isolationRuntimes[isolation] ?? "";
  if (runtime !== "" && wanted !== "" && runtime !== wanted) {
    throw usageError(`conflicting options: --isolation ${isolation} means --runtime ${wanted}, not ${runtime}`);
  }
  return runtime || wanted;
}

function checkModes(flags: CreateInput["flags"]): void {
  const container = /^container:.+/;
  if (flags.pid !== "" && flags.pid !== "host" && !container.test(flags.pid))
    throw usageError("--pid: invalid PID mode");
  if (flags.uts !== "" && flags.uts !== "host") throw usageError("--uts: invalid UTS mode");
  if (flags.userns !== "" && flags.userns !== "host") throw usageError("--userns: invalid USER mode");
  if (flags.restart !== "no" && flags.restart !== "" && flags.rm) {
    throw usageError("conflicting options: cannot specify both --restart and --rm");
  }
}

function logConfig(flags: CreateInput["flags"]): HostConfig["LogConfig"] {
  const options = Object.fromEntries(
    flags["log-opt"].map((text) => splitOnce(text, "=")).map(([name, value = ""]) => [name, value]),
  );
  if (flags["log-driver"] === "none" && Object.keys(options).length > 0) {
    throw usageError("invalid logging opts for driver none");
  }
  return compact({ Type: flags["log-driver"] as "json-file", Config: options });
}

/** `no`, `always`, `unless-stopped`, `on-failure` or `on-failure:3`; undefined for the engine's own. */
export function restartPolicy(text: string): RestartPolicy | undefined {
  if (text === "" || text === "no") return undefined;
  const [name, count] = splitOnce(text, ":");
  if (name === "") throw usageError("invalid restart policy format: no policy provided before colon");
  if (count !== undefined && !/^-?\d+$/.test(count)) {
    throw usageError("invalid restart policy format: maximum retry count must be an integer");
  }
  return { Name: name as RestartPolicy["Name"], ...(count !== undefined && { MaximumRetryCount: Number(count) }) };
}

function pairs(texts: readonly string[], what: string): Record<string, string> {
  return Object.fromEntries(
    texts.map((text) => {
      const [name, value] = splitOnce(text, "=");
      if (value === undefined) throw usageError(`invalid ${what}: ${text}`);
      return [name, value];
    }),
  );
}
