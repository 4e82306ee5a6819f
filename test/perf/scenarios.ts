import { commandOf, descendants, memoryKb, type Side } from "./side.ts";

export interface Scenario {
  readonly name: string;
  readonly unit: "ms" | "MB";
  /** Share of each peer's figure that ours may reach. */
  readonly bars: Partial<Record<Side["name"], number>>;
  /** A bar in the scenario's own unit. */
  readonly limit?: number;
  /** Peers that take part. */
  readonly peers: ReadonlyArray<Side["name"]>;
  readonly runs: number;
  prepare?(side: Side): void;
  measure(side: Side, run: number): number;
  clean?(side: Side): void;
}

const image = "busybox";
const microvm = ["--isolation", "microvm"];
const unpooled = [...microvm, "--storage-opt", "size=9g"];
/** A directory of the host is served to a machine whose memory is its own, which therefore boots. */
const booted = [...microvm, "-v", "/usr/share:/mnt:ro"];
const restMs = 6000;
const removeAll = (side: Side) => void side.shell('ids=$($E ps -aq); [ -z "$ids" ] || $E rm -f $ids >/dev/null');

/** In the order in which they run. */
export const scenarios: readonly Scenario[] = [
  {
    name: "daemon at rest",
    unit: "MB",
    bars: { docker: 1 / 2 },
    peers: ["docker"],
    runs: 1,
    measure: (side) => {
      // At rest means that nothing was asked for a while.
      Bun.sleepSync(restMs);
      return memoryKb(descendants(side.root).filter(isDaemon)) / 1024;
    },
  },
  {
    name: "run --rm",
    unit: "ms",
    bars: { docker: 1 / 5, podman: 1 / 4 },
    peers: ["docker", "podman"],
    runs: 15,
    measure: (side) => side.time("run", "--rm", image, "true"),
  },
  {
    name: "run --rm --net none",
    unit: "ms",
    bars: {},
    peers: ["docker", "podman"],
    runs: 15,
    measure: (side) => side.time("run", "--rm", "--net", "none", image, "true"),
  },
  {
    name: "exec",
    unit: "ms",
    bars: { docker: 1 / 4 },
    peers: ["docker", "podman"],
    runs: 15,
    prepare: (side) => void side.run("run", "-d", "--name", "bench-exec", image, "sleep", "3600"),
    measure: (side) => side.time("exec", "bench-exec", "true"),
    clean: removeAll,
  },
  {
    name: "run --rm, microVM from the pool",
    unit: "ms",
    bars: { docker: 1 },
    peers: ["docker"],
    runs: 15,
    prepare: (side) => void isMicrovm(side, () => side.run("run", "--rm", ...microvm, image, "true")),
    measure(side) {
      // The pool is filled while nobody waits.
      if (side.name === "isle") waitForSpare(side);
      return side.time("run", "--rm", ...(side.name === "isle" ? microvm : []), image, "true");
    },
  },
  {
    name: "run --rm, microVM from its template",
    unit: "ms",
    bars: { docker: 1.5 },
    peers: ["docker"],
    runs: 15,
    // A size of its own for the disk is something the pool has not.
    measure: (side) => side.time("run", "--rm", ...(side.name === "isle" ? unpooled : []), image, "true"),
  },
  {
    name: "run --rm, microVM that boots",
    unit: "ms",
    bars: {},
    peers: ["docker"],
    runs: 5,
    measure: (side) => side.time("run", "--rm", ...(side.name === "isle" ? booted : []), image, "true"),
  },
  {
    name: "exec in a microVM",
    unit: "ms",
    bars: { docker: 1 },
    peers: ["docker"],
    runs: 15,
    prepare: (side) =>
      void side.run(
        "run",
        "-d",
        "--name",
        "bench-vm",
        ...(side.name === "isle" ? microvm : []),
        image,
        "sleep",
        "3600",
      ),
    measure: (side) => side.time("exec", "bench-vm", "true"),
    clean: removeAll,
  },
  {
    name: "memory per idle microVM",
    unit: "MB",
    bars: {},
    peers: ["docker"],
    runs: 1,
    measure: (side) => memoryPerContainer(side, side.name === "isle" ? unpooled : [], 8),
    clean: removeAll,
  },
  {
    name: "ps, 1 container",
    unit: "ms",
    bars: { docker: 1 / 2 },
    peers: ["docker", "podman"],
    runs: 15,
    prepare: (side) => void side.run("run", "-d", image, "sleep", "3600"),
    measure: (side) => side.time("ps"),
    clean: removeAll,
  },
  {
    name: "memory per idle container",
    unit: "MB",
    bars: { docker: 1 / 4 },
    peers: ["docker"],
    runs: 1,
    measure: (side) => memoryPerContainer(side),
    clean: removeAll,
  },
  {
    name: "start 100 in sequence",
    unit: "ms",
    bars: { docker: 1 / 5 },
    peers: ["docker"],
    runs: 1,
    measure: (side) =>
      timed(() => side.shell(`for i in $(seq 100); do $E run -d ${image} sleep 3600 >/dev/null; done`)),
    clean: removeAll,
  },
  {
    name: "start 100, 8 at a time",
    unit: "ms",
    bars: { docker: 1 / 5 },
    peers: ["docker"],
    runs: 1,
    measure: (side) => timed(() => side.shell(`seq 100 | xargs -P 8 -I{} $E run -d ${image} sleep 3600 >/dev/null`)),
    clean: removeAll,
  },
  {
    name: "ps -a, 500 containers",
    unit: "ms",
    bars: { docker: 1 / 2 },
    peers: ["docker"],
    runs: 15,
    prepare: (side) => void side.shell(`seq 500 | xargs -P 4 -I{} $E create ${image} true >/dev/null`),
    measure: (side) => side.time("ps", "-a"),
    clean: removeAll,
  },
];

const idleContainers = 20;

/** What idle containers add to an engine at rest, each one's own `sleep` included, divided by their number. */
function memoryPerContainer(side: Side, flags: readonly string[] = [], count = idleContainers): number {
  Bun.sleepSync(restMs);
  const before = memoryKb(descendants(side.root));
  side.shell(`for i in $(seq ${count}); do $E run -d ${flags.join(" ")} ${image} sleep 3600 >/dev/null; done`);
  Bun.sleepSync(restMs);
  return (memoryKb(descendants(side.root)) - before) / 1024 / count;
}

function isMicrovm(side: Side, work: () => void): void {
  if (side.name === "isle") work();
}

/** Waits until the pool is full, at most twenty seconds: while it is being filled, a start shares the processors with it. */
function waitForSpare(side: Side): void {
  const full = `$E info --format '{{json .Runtimes}}' | grep -q '"2 of 2 wait"'`;
  side.shell(`for i in $(seq 100); do ${full} && break; sleep 0.2; done`);
}

const isDaemon = (pid: number): boolean => /dockerd|containerd|isle daemon/.test(commandOf(pid));

export function timed(work: () => void): number {
  const started = performance.now();
  work();
  return performance.now() - started;
}
