import { commandOf, descendants, memoryKb, type Side } from "./side.ts";

export interface Scenario {
  readonly name: string;
  readonly unit: "ms" | "MB";
  /** Share of each peer's figure that ours may reach. */
  readonly bars: Partial<Record<Side["name"], number>>;
  /** Peers that take part. */
  readonly peers: ReadonlyArray<Side["name"]>;
  readonly runs: number;
  prepare?(side: Side): void;
  measure(side: Side, run: number): number;
  clean?(side: Side): void;
}

const image = "busybox";
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
    measure: memoryPerContainer,
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

/** What twenty idle containers add to an engine at rest, each one's own `sleep` included, divided by twenty. */
function memoryPerContainer(side: Side): number {
  Bun.sleepSync(restMs);
  const before = memoryKb(descendants(side.root));
  side.shell(`for i in $(seq ${idleContainers}); do $E run -d ${image} sleep 3600 >/dev/null; done`);
  Bun.sleepSync(restMs);
  return (memoryKb(descendants(side.root)) - before) / 1024 / idleContainers;
}

const isDaemon = (pid: number): boolean => /dockerd|containerd|isle daemon/.test(commandOf(pid));

export function timed(work: () => void): number {
  const started = performance.now();
  work();
  return performance.now() - started;
}
