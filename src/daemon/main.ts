import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import type { Server } from "node:http";
import { IsleError, messageOf } from "../base/error.ts";
import { newId } from "../base/id.ts";
import type { Logger } from "../base/log.ts";
import { sweepBuilds } from "../engine/build/context.ts";
import { sweepImages } from "../engine/image/collect.ts";
import { removeOrphans } from "../engine/instance/orphans.ts";
import { liveAttachments, recoverInstances } from "../engine/instance/recover.ts";
import { handleExit } from "../engine/instance/settle-exit.ts";
import { serveNames } from "../engine/network/networks.ts";
import { favorCgroupMoves } from "../os/cgroup-moves.ts";
import { writeFileAtomic } from "../os/files.ts";
import { takeLock } from "../os/lock-file.ts";
import { isHybridCgroup, reexecWithoutUnifiedCgroup } from "../os/reexec.ts";
import { releaseMemory } from "../os/release-memory.ts";
import { createHttpServer } from "../server/http-server.ts";
import { Router } from "../server/router.ts";
import { allRoutes } from "../server/routes/all.ts";
import type { SystemDeps } from "../server/routes/system.ts";
import { type Builtins, createBuiltins } from "./builtins.ts";
import { type DaemonConfig, readConfig } from "./config.ts";
import { daemonHelp } from "./help.ts";
import { listen, splitHost } from "./listen.ts";
import { createLogger } from "./logger.ts";
import { Metrics } from "./metrics.ts";
import { ensurePredefinedNetworks } from "./networks.ts";
import { type DaemonPaths, daemonPaths } from "./paths.ts";
import { productFacts, version } from "./product.ts";
import { createImageSources } from "./registry.ts";
import { WhenIdle } from "./when-idle.ts";

/** `isle daemon`: starts in order, serves until a signal, stops in reverse. Containers run on. */
export async function daemonMain(args: readonly string[]): Promise<number> {
  if (args.includes("--help")) {
    process.stdout.write(daemonHelp());
    return 0;
  }
  try {
    await runDaemon(readConfig(args));
    return 0;
  } catch (error) {
    const hint = error instanceof IsleError && error.hint ? `: ${error.hint}` : "";
    process.stderr.write(`isle daemon: ${messageOf(error)}${hint}\n`);
    return 1;
  }
}

async function runDaemon(config: DaemonConfig): Promise<void> {
  if (process.getuid?.() !== 0) throw new IsleError("forbidden", "the daemon must run as root", { hint: "use sudo" });
  for (const host of config.hosts) splitHost(host);
  if (config.favorCgroupMoves) favorCgroupMoves();
  if (isHybridCgroup()) reexecWithoutUnifiedCgroup();
  const log = createLogger(config.logLevel, config.logFormat);
  outlive(log);
  const ended = untilSignal();
  const paths = daemonPaths(config.dataRoot, config.execRoot);
  mkdirSync(config.dataRoot, { recursive: true, mode: 0o711 });
  mkdirSync(config.execRoot, { recursive: true, mode: 0o711 });
  const unlock = takeLock(paths.lock);
  const builtins = createBuiltins(config, paths, log);
  const rebooted = noteBoot(paths, builtins.deps.machine.facts.bootId);
  await restore(builtins, config, rebooted);
  const servers = await serve(builtins, config, paths);
  if (config.pidFile) writeFileSync(config.pidFile, `${process.pid}\n`);
  log.info("ready", { version, hosts: config.hosts.join(" "), runtime: builtins.runtimes.defaultName });
  // The first step of a build wants to know; what is started right after the daemon need not share the processors with it.
  setTimeout(() => void builtins.deps.mappedUsers.ready(), 1000).unref();
  const signal = await ended;
  log.info("stopping", { signal });
  await stop(servers, builtins, config);
  if (config.pidFile) rmSync(config.pidFile, { force: true });
  unlock();
}

/** A fault in one piece of work must not end the others: it is told in full, and the daemon goes on. */
function outlive(log: Logger): void {
  for (const event of ["uncaughtException", "unhandledRejection"] as const) {
    process.on(event, (error: unknown) =>
      log.error("a fault in the daemon: please report it", {
        event,
        error: messageOf(error),
        stack: error instanceof Error ? error.stack : undefined,
      }),
    );
  }
}

/** True when the machine was started anew since the last daemon, so that nothing recorded as running can run. */
function noteBoot({ boot }: DaemonPaths, bootId: string): boolean {
  const before = existsSync(boot) ? readFileSync(boot, "utf8").trim() : bootId;
  writeFileAtomic(boot, `${bootId}\n`);
  return before !== bootId;
}

/** Finishes or undoes what an earlier daemon left, before the first client is heard. */
async function restore({ deps, sweep }: Builtins, config: DaemonConfig, rebooted: boolean): Promise<void> {
  await sweep();
  await ensurePredefinedNetworks(deps, config);
  const live = rebooted ? [] : liveAttachments(deps);
  await deps.networkDriver.restore(deps.networks.list(), live);
  for (const network of deps.networks.list()) {
    await serveNames(deps, network);
    const clashes = deps.networkDriver.overlappingRoutes(network);
    if (clashes.length > 0)
      deps.log.warn("a network hides part of the machine's own", {
        network: network.name,
        clashes: clashes.join("; "),
      });
  }
  deps.exits.onExit((id, exitCode) => void handleExit(deps, id, exitCode));
  await recoverInstances(deps, { rebooted });
  await sweepBuilds(deps);
  await removeOrphans(deps);
  await sweepImages(deps);
}

async function serve(builtins: Builtins, config: DaemonConfig, paths: DaemonPaths): Promise<Server[]> {
  const metrics = new Metrics();
  const whenIdle = new WhenIdle(releaseMemory);
  const { deps } = builtins;
  const product = await productFacts(config, builtins.runtimes, deps.machine.facts, engineId(paths));
  const systemDeps: SystemDeps = {
    ...deps,
    ...createImageSources(config, builtins),
    product,
    metrics: () => metrics.text(deps),
  };
  const options = {
    router: new Router(allRoutes),
    deps: systemDeps,
    log: deps.log,
    headers: {
      "Api-Version": "1.51",
      "Docker-Experimental": "false",
      Ostype: "linux",
      Server: `isle/${version} (linux)`,
    },
    onRequest: (facts: Parameters<Metrics["request"]>[0]) => {
      metrics.request(facts);
      whenIdle.busy();
    },
  };
  const servers: Server[] = [];
  for (const host of config.hosts) {
    const server = createHttpServer(options, host.startsWith("tcp") ? tlsOptions(config) : undefined);
    await listen(server, host, config);
    servers.push(server);
  }
  return servers;
}

function tlsOptions({ tls }: DaemonConfig) {
  if (!tls) return undefined;
  const [ca, cert, key] = [tls.ca, tls.cert, tls.key].map((path) => readFileSync(path));
  return { ca: ca!, cert: cert!, key: key!, requestCert: true, rejectUnauthorized: true };
}

/** An id that stays with the data. */
function engineId({ identity }: DaemonPaths): string {
  if (!existsSync(identity)) writeFileAtomic(identity, newId());
  return readFileSync(identity, "utf8").trim();
}

function untilSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => resolve(signal));
    process.on("SIGHUP", () => {});
  });
}

/** No new requests, a moment for those under way (streams would last for ever), then the drivers. */
async function stop(servers: Server[], builtins: Builtins, { shutdownTimeout }: DaemonConfig): Promise<void> {
  const closed = servers.map((server) => new Promise<void>((resolve) => void server.close(() => resolve())));
  for (const server of servers) server.closeIdleConnections();
  const limit = new Promise<void>((resolve) => setTimeout(resolve, Math.min(shutdownTimeout, 0.5) * 1000).unref());
  await Promise.race([Promise.all(closed), limit]);
  for (const server of servers) server.closeAllConnections();
  await builtins.close();
}
