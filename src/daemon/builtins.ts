import { chmodSync, chownSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { KeyedLock } from "../base/keyed-lock.ts";
import type { Logger } from "../base/log.ts";
import { hostPlatform } from "../base/platform.ts";
import type { BuildHistory } from "../core/build-history.ts";
import { isRunning } from "../core/instance.ts";
import { createConfinedArchive } from "../drivers/archive/confined/confined-archive.ts";
import { createFilesContent } from "../drivers/content/files/files-content.ts";
import { createMemoryEvents } from "../drivers/event/memory/memory-events.ts";
import { createErofsDisks } from "../drivers/image-disk/erofs/erofs-disks.ts";
import { createK8sFileLogs } from "../drivers/log/k8s-file/k8s-file-log.ts";
import { createLinuxMachine } from "../drivers/machine/linux/linux-machine.ts";
import { createOverlaySnapshots } from "../drivers/snapshot/overlay/overlay-snapshots.ts";
import { openDatabase } from "../drivers/state/sqlite/database.ts";
import {
  buildHistoryMigration,
  createBuildCache,
  createBuildHistory,
  createNetworkRepository,
  createVolumeRepository,
  documentMigrations,
} from "../drivers/state/sqlite/documents.ts";
import { createImageRepository, imageMigrations } from "../drivers/state/sqlite/image-repository.ts";
import {
  createInstanceRepository,
  instanceMigration,
  instanceNetworksMigration,
} from "../drivers/state/sqlite/instances.ts";
import { createLocalVolumes } from "../drivers/volume/local/local-volumes.ts";
import { AttachedOutputs } from "../engine/instance/attached-outputs.ts";
import type { EngineSettings, InstanceDeps } from "../engine/instance/deps.ts";
import { ExecTable } from "../engine/instance/exec-table.ts";
import { HealthMonitor } from "../engine/instance/health.ts";
import { IdleMonitor } from "../engine/instance/idle.ts";
import { LogRotations } from "../engine/instance/log-rotation.ts";
import { RestartSchedule } from "../engine/instance/restart-policy.ts";
import { InstanceSignals } from "../engine/instance/signals.ts";
import { parseCapabilityMask } from "../engine/spec/capabilities.ts";
import type { SeccompProfile } from "../engine/spec/seccomp.ts";
import { decompressWithProgram } from "../os/decompress.ts";
import { readTextIfPresent } from "../os/files.ts";
import { findProgram } from "../os/find-program.ts";
import type { DaemonConfig } from "./config.ts";
import { createMappedUsers } from "./mapped-users.ts";
import { createNetworking } from "./networking.ts";
import type { DaemonPaths } from "./paths.ts";
import { createRegistry } from "./registry.ts";
import { createRuntimes, type Runtimes } from "./runtimes.ts";

export interface Builtins {
  readonly deps: InstanceDeps;
  readonly runtimes: Runtimes;
  readonly buildHistory: BuildHistory;
  /** Removes what an earlier process left half-made. */
  sweep(): Promise<void>;
  close(): Promise<void>;
}

const migrations = [
  ...imageMigrations,
  instanceMigration,
  ...documentMigrations,
  instanceNetworksMigration,
  buildHistoryMigration,
];

/** The one list of drivers. Nothing else in the program chooses an implementation. */
export function createBuiltins(config: DaemonConfig, paths: DaemonPaths, log: Logger): Builtins {
  const db = openDatabase(paths.database, migrations);
  const machine = createLinuxMachine();
  const content = createFilesContent(paths.content);
  const snapshots = createOverlaySnapshots({ directory: paths.snapshots, content, view: paths.mappedView });
  const volumeDriver = createLocalVolumes(paths.volumes);
  const imageDisks = createErofsDisks({ directory: paths.imageDisks, snapshots });
  const instances = createInstanceRepository(db);
  const runtimes = createRuntimes(config, paths, log);
  const mappedUsers = createMappedUsers({ config, paths, snapshots, crun: runtimes.programs["crun"] });
  const registry = createRegistry(config);
  const networks = createNetworkRepository(db);
  const settings = createSettings(config, paths, runtimes.defaultName);
  const { networkDriver, names } = createNetworking({ instances, networks, machine, settings }, { config, paths, log });
  const deps: InstanceDeps = {
    content,
    snapshots,
    imageDisks,
    instances,
    images: createImageRepository(db),
    buildCache: createBuildCache(db),
    registry,
    decompress: decompressWithProgram,
    events: createMemoryEvents(),
    log,
    imageUsers: (imageId) =>
      instances
        .list()
        .filter(({ image }) => image.id === imageId)
        .map((record) => ({ instanceId: record.id, running: isRunning(record) })),
    volumes: createVolumeRepository(db),
    volumeDriver,
    networks,
    networkDriver,
    names,
    runtimes: runtimes.byName,
    exits: runtimes.exits,
    logs: createK8sFileLogs(),
    machine,
    mappedUsers,
    archive: createConfinedArchive(),
    settings,
    secretEnv: new Map(),
    locks: new KeyedLock(),
    signals: new InstanceSignals(),
    attached: new AttachedOutputs(),
    execs: new ExecTable(),
    health: new HealthMonitor(),
    idle: new IdleMonitor(),
    restarts: new RestartSchedule(),
    rotations: new LogRotations(),
  };
  return {
    deps,
    runtimes,
    buildHistory: createBuildHistory(db),
    async sweep() {
      prepareDirectories(paths);
      await mappedUsers.close();
      for (const each of [content, imageDisks, runtimes.pool, snapshots, volumeDriver]) await each.sweep();
    },
    close: () =>
      closeAll([...watchersOf(deps), runtimes.pool, registry, names, networkDriver, mappedUsers, snapshots, db]),
  };
}

/** Files of builds are for nobody but the engine, and their directory's group: users of steps, once it has any. */
function prepareDirectories({ builds, copies }: DaemonPaths): void {
  rmSync(copies, { recursive: true, force: true });
  mkdirSync(builds, { recursive: true });
  chmodSync(builds, 0o710);
  chownSync(builds, 0, 0);
}

interface Closable {
  close(): void | Promise<void>;
}

/** What waits for something to happen to instances. */
const watchersOf = ({ restarts, health, idle, rotations, exits }: InstanceDeps): Closable[] => [
  ...[restarts, health, idle, rotations, exits],
];

async function closeAll(open: readonly Closable[]): Promise<void> {
  for (const each of open) await each.close();
}

function createSettings(config: DaemonConfig, paths: DaemonPaths, defaultRuntime: string): EngineSettings {
  return {
    defaultRuntime,
    seccompProfile: readSeccompProfile(),
    capabilities: parseCapabilityMask(readFileSync("/proc/self/status", "utf8")),
    architecture: hostPlatform().architecture,
    cgroupParent: config.cgroupParent,
    defaultUlimits: config.defaultUlimits,
    defaultShmBytes: config.defaultShmBytes,
    buildDownloadBytes: config.buildDownloadBytes,
    defaultLog: { type: config.logDriver, options: config.logOpts },
    dns: config.dns,
    dnsOptions: config.dnsOpts,
    dnsSearch: config.dnsSearch,
    initPath: config.initPath ?? findProgram("catatonit") ?? findProgram("docker-init") ?? findProgram("tini"),
    stopTimeoutSeconds: 10,
    paths: {
      instances: paths.instances,
      instance: paths.instance,
      log: paths.log,
      builds: paths.builds,
      agents: paths.agents,
      copies: paths.copies,
    },
  };
}

/** The profile that Debian's golang-github-containers-common installs. */
function readSeccompProfile(): SeccompProfile | undefined {
  const text =
    readTextIfPresent("/usr/share/containers/seccomp.json") ?? readTextIfPresent("/etc/containers/seccomp.json");
  return text === undefined ? undefined : (JSON.parse(text) as SeccompProfile);
}
