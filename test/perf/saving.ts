import type { Scenario } from "./scenarios.ts";
import type { Side } from "./side.ts";

const image = "busybox";
const runs = 15;
const name = "bench-saved";

const prepare = (side: Side): void => {
  side.run("run", "-d", "--name", name, "--isolation", "microvm", image, "sleep", "3600");
};
const clean = (side: Side): void => void side.shell("$E rm -f $($E ps -aq) >/dev/null");
const removeCopies = (side: Side): void => void side.shell(`$E rm -f $($E ps -q --filter name=bench-copy) >/dev/null`);

/** Nobody else has these: they are held against a limit. */
export const savingScenarios: readonly Scenario[] = [
  {
    name: "fork of a running microVM",
    unit: "ms",
    bars: {},
    limit: 500,
    peers: [],
    runs,
    prepare,
    measure(side) {
      const taken = side.time("fork", "--name", "bench-copy", name);
      removeCopies(side);
      return taken;
    },
    clean,
  },
  {
    name: "fork of a running microVM, per copy of 4",
    unit: "ms",
    bars: {},
    limit: 500,
    peers: [],
    runs,
    prepare,
    measure(side) {
      const taken = side.time("fork", "-n", "4", "--name", "bench-copy", name);
      removeCopies(side);
      return taken / 4;
    },
    clean,
  },
  {
    name: "suspend a microVM",
    unit: "ms",
    bars: {},
    peers: [],
    runs,
    prepare,
    measure(side) {
      const taken = side.time("suspend", name);
      side.run("resume", name);
      return taken;
    },
    clean,
  },
  {
    name: "resume a microVM",
    unit: "ms",
    bars: {},
    peers: [],
    runs,
    prepare,
    measure(side) {
      side.run("suspend", name);
      return side.time("resume", name);
    },
    clean,
  },
];
