import type { ContainerConfig, EndpointSettings, HostConfig } from "../../api/generated/engine-api.ts";
import { conflict, type IsleError, invalid, isCode, messageOf, notFound } from "../../base/error.ts";
import { newId } from "../../base/id.ts";
import { formatPlatform, hostPlatform, parsePlatform, platformMatches } from "../../base/platform.ts";
import { randomName } from "../../base/random-name.ts";
import { parseSignal } from "../../base/signals.ts";
import { parseBytes } from "../../base/size.ts";
import { now } from "../../base/time.ts";
import { type Undo, withUndo } from "../../base/undo.ts";
import type { ImageRecord } from "../../core/image.ts";
import type { InstanceMount, InstanceRecord } from "../../core/instance.ts";
import type { Isolation } from "../../core/runtime.ts";
import { additionsTo } from "../image/additions.ts";
import { findImage } from "../image/find-image.ts";
import { imageOfIndex } from "../image/image-of-index.ts";
import { egressOfLabels, rateOfLabels } from "../network/parse-policy.ts";
import { createVolume } from "../volume/create.ts";
import type { InstanceDeps } from "./deps.ts";
import { publishInstanceEvent } from "./events.ts";
import { findInstance } from "./find.ts";
import { validateHealthcheck } from "./health.ts";
import { checkSuspendAfter } from "./idle.ts";
import { checkIsolation, checkNetworkCount } from "./isolation-limits.ts";
import { mergeConfig } from "./merge-config.ts";
import { normalHost } from "./normal-host.ts";
import { parseMounts } from "./parse-mounts.ts";
import { planNetworks } from "./plan-networks.ts";
import { parsePort, publishRequests } from "./ports.ts";
import { parseSecurityOptions } from "./security-options.ts";
import { validateHost } from "./validate-host.ts";
import { macPattern, validateText } from "./validate-text.ts";

export interface CreateRequest {
  readonly name: string | undefined;
  readonly platform: string | undefined;
  readonly config: ContainerConfig;
  readonly host: HostConfig;
  readonly networks: Readonly<Record<string, EndpointSettings>>;
}

export interface Created {
  readonly id: string;
  readonly warnings: string[];
}

/** Checks everything, then makes the volumes and the writable root, then records the instance. */
export async function createInstance(deps: InstanceDeps, request: CreateRequest): Promise<Created> {
  const image = await imageFor(deps, request);
  const id = newId();
  const config = mergeConfig(withHostName(deps, request), image.config.config ?? {}, id);
  const warnings = validate(deps, config, request);
  const host = normalHost(request.host, deps.machine.facts, deps.settings);
  const networks = planNetworks(deps, host, request.networks);
  const isolation = isolationOf(deps, host);
  checkNetworkCount(isolation, Object.keys(networks));
  const mounts = parseMounts(config, host, inheritedMounts(deps, host));
  checkSuspendAfter(config.Labels, isolation, mounts);
  checkSources(deps, mounts);
  const record = await withUndo(async (undo) => {
    undo.add(() => deps.snapshots.removeRoot(id));
    const layers = image.layers.map(({ chainId }) => chainId);
    const { size } = host.StorageOpt ?? {};
    // A microVM's disk has its size from the runtime.
    if (size && isolation !== "microvm") await deps.snapshots.prepareSized(id, layers, parseBytes(size));
    else deps.snapshots.prepare(id, layers);
    // Another client may remove one while the next is made.
    while (!hasVolumes(deps, mounts)) await makeVolumes(deps, mounts, undo);
    deps.machine.makeDirectory(deps.settings.paths.instance(id));
    undo.add(() => deps.machine.removeTree(deps.settings.paths.instance(id)));
    return insert(deps, request.name, {
      id,
      createdAt: now(),
      image: { id: image.id, name: request.config.Image ?? "" },
      layers,
      config,
      host,
      networks,
      mounts,
      state: { status: "created" },
      restartCount: 0,
      stoppedByHand: false,
    });
  });
  publishInstanceEvent(deps, record, "create");
  return { id, warnings };
}

/** On the host's network or in its UTS namespace an instance goes by the host's name. */
function withHostName({ machine }: InstanceDeps, { config, host }: CreateRequest): ContainerConfig {
  const shares = host.NetworkMode === "host" || host.UTSMode === "host";
  return shares && !config.Hostname ? { ...config, Hostname: machine.facts.hostname } : config;
}

async function imageFor(deps: InstanceDeps, { config, platform }: CreateRequest): Promise<ImageRecord> {
  if (!config.Image) throw invalid("no image specified", { hint: "name one in Image" });
  const { image, name } = findImage(deps.images, config.Image);
  const want = platform ? parsePlatform(platform) : undefined;
  const have = { os: image.config.os, architecture: image.config.architecture, variant: image.config.variant };
  if (want && !platformMatches(want, have)) {
    const other = name && (await additionsTo(deps.images).run(() => imageOfIndex(deps, { image, name }, want)));
    if (other) return other;
    throw notFound(
      `image with reference ${config.Image} was found but its platform (${formatPlatform(have)}) does not match the specified platform (${formatPlatform(want)})`,
    );
  }
  return image;
}

const isolationOf = ({ runtimes, settings }: InstanceDeps, { Runtime }: HostConfig): Isolation =>
  runtimes.get(Runtime || settings.defaultRuntime)?.isolation ?? "container";

function validate(deps: InstanceDeps, config: ContainerConfig, request: CreateRequest): string[] {
  const { host, networks } = request;
  checkName(request.name);
  validateConfig(config);
  validateText({ config, host, networks });
  if (host.Runtime && !deps.runtimes.has(host.Runtime)) {
    throw invalid(`unknown or invalid runtime name: ${host.Runtime}`, {
      hint: `known are ${[...deps.runtimes.keys()].join(", ")}`,
    });
  }
  publishRequests(config, host);
  egressOfLabels(config.Labels);
  rateOfLabels(config.Labels);
  parseSecurityOptions(host.SecurityOpt ?? [], deps.machine.facts);
  checkNetwork(host, networks);
  checkSharedNetwork(request);
  checkOthers(deps, host);
  return [
    ...validateHost(host, deps.machine.facts),
    ...checkIsolation(host, isolationOf(deps, host)),
    ...platformWarning(deps, request),
  ];
}

export function checkName(text: string | undefined): void {
  const name = text?.replace(/^\//, "");
  if (!text || name === undefined || /^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/.test(name)) return;
  throw invalid(`Invalid container name (${name}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed`);
}

function validateConfig(config: ContainerConfig): void {
  if (config.StopSignal) parseSignal(config.StopSignal);
  if (config.WorkingDir && !config.WorkingDir.startsWith("/")) {
    throw invalid(`the working directory '${config.WorkingDir}' is invalid, it needs to be an absolute path`);
  }
  const bad = config.Env?.find((entry) => entry === "" || entry.startsWith("="));
  if (bad !== undefined) throw invalid(`invalid environment variable: ${bad}`);
  for (const port of Object.keys(config.ExposedPorts ?? {})) parsePort(port);
  if (config.MacAddress && !macPattern.test(config.MacAddress)) {
    throw invalid(`invalid config for network bridge: invalid MAC address ${config.MacAddress}`);
  }
  validateHealthcheck(config.Healthcheck);
}

function platformWarning(deps: InstanceDeps, request: CreateRequest): string[] {
  const { architecture, os } = findImage(deps.images, request.config.Image!).image.config;
  if (request.platform || platformMatches(hostPlatform(), { os, architecture })) return [];
  return [
    `The requested image's platform (${os}/${architecture}) does not match the detected host platform (${formatPlatform(hostPlatform())}) and no specific platform was requested`,
  ];
}

function checkNetwork({ NetworkMode: mode = "" }: HostConfig, networks: CreateRequest["networks"]): void {
  const names = Object.keys(networks).filter((name) => name !== "default");
  if (mode === "container:") throw invalid("invalid network mode: invalid container format container:<name|id>");
  if (mode === "host" || mode === "none" || mode?.startsWith("container:")) {
    const other = names.find((name) => name !== mode);
    if (other) throw invalid(`conflicting options: network mode ${mode} and network ${other}`);
  }
}

/** Other instances that the options name must be there; the network's is looked for at each start. */
function checkOthers(deps: InstanceDeps, { PidMode, IpcMode, Links }: HostConfig): void {
  for (const mode of [PidMode, IpcMode]) {
    if (mode?.startsWith("container:")) namedByOption(deps, mode.slice("container:".length));
  }
  for (const link of Links ?? []) namedByOption(deps, link.split(":")[0]!);
}

/** Not "not found" but a wrong request: for that answer to a create, clients would pull the image. */
function namedByOption(deps: InstanceDeps, text: string): InstanceRecord {
  try {
    return findInstance(deps, text);
  } catch (error) {
    throw isCode(error, "notFound") ? invalid(messageOf(error)) : error;
  }
}

/** Who uses the network of another has no say in what belongs to it. */
function checkSharedNetwork({ config, host }: CreateRequest): void {
  if (!host.NetworkMode?.startsWith("container:")) return;
  const ports = Object.keys(host.PortBindings ?? {}).length > 0 || host.PublishAllPorts === true;
  const claims: ReadonlyArray<readonly [claimed: boolean, name: string]> = [
    [Boolean(config.Hostname), "hostname and the network mode"],
    [(host.Dns ?? []).length > 0, "dns and the network mode"],
    [(host.ExtraHosts ?? []).length > 0, "custom host-to-IP mapping and the network mode"],
    [ports, "port publishing and the container type network mode"],
  ];
  const claim = claims.find(([claimed]) => claimed);
  if (claim) throw invalid(`conflicting options: ${claim[1]}`);
}

function inheritedMounts(deps: InstanceDeps, host: HostConfig) {
  return (host.VolumesFrom ?? []).map((text) => {
    const [name = "", mode = "rw"] = text.split(":");
    if (!["ro", "rw", "z", "Z"].includes(mode)) throw invalid(`invalid volumes-from specification: '${text}'`);
    return { mounts: namedByOption(deps, name).mounts, readonly: mode === "ro" };
  });
}

/** A `--mount` of a missing source is refused, a `-v` of one makes it at start. */
function checkSources({ machine }: InstanceDeps, mounts: readonly InstanceMount[]): void {
  for (const { type, source, createSource } of mounts) {
    if (type !== "bind" || createSource || machine.pathKind(source) !== undefined) continue;
    throw invalid(`invalid mount config for type "bind": bind source path does not exist: ${source}`);
  }
}

const hasVolumes = ({ volumes }: InstanceDeps, mounts: readonly InstanceMount[]): boolean =>
  mounts.every(({ type, source }) => type !== "volume" || volumes.get(source));

async function makeVolumes(deps: InstanceDeps, mounts: readonly InstanceMount[], undo: Undo): Promise<void> {
  for (const mount of mounts) {
    if (mount.type !== "volume" || deps.volumes.get(mount.source)) continue;
    await createVolume(deps, {
      name: mount.source,
      anonymous: mount.anonymous ?? false,
      options: mount.volumeOptions ?? {},
      labels: mount.volumeLabels ?? {},
    });
    undo.add(async () => {
      deps.volumes.remove(mount.source);
      await deps.volumeDriver.remove(mount.source);
    });
  }
}

/** Records under the given name, or under the first free random one. */
/** Records an instance under the wanted name, or under one that is free. */
export function insert(
  deps: InstanceDeps,
  wanted: string | undefined,
  record: Omit<InstanceRecord, "name">,
): InstanceRecord {
  for (let tries = 0; ; tries += 1) {
    const name = wanted?.replace(/^\//, "") || randomName(tries);
    try {
      const named: InstanceRecord = { ...record, name };
      deps.instances.insert(named);
      return named;
    } catch (error) {
      if (!isCode(error, "conflict")) throw error;
      if (wanted) throw nameConflict(deps, name, error as IsleError);
    }
  }
}

export function nameConflict(deps: Pick<InstanceDeps, "instances">, name: string, cause?: IsleError): IsleError {
  const holder = deps.instances.byName(name)?.id ?? "";
  return conflict(
    `Conflict. The container name "/${name}" is already in use by container "${holder}". You have to remove (or rename) that container to be able to reuse that name.`,
    cause && { cause },
  );
}
