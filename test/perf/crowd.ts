import type { Figure } from "./report.ts";
import { timed } from "./scenarios.ts";
import { descendants, memoryKb, type Side } from "./side.ts";
import { summarise } from "./statistics.ts";

/** Many idle instances at once. */
export interface Crowd {
  readonly count: number;
  readonly what: string;
  /** Flags of `run`. */
  readonly flags: string;
  /** At a time. */
  readonly starts: number;
  /** What `ps` may take, in milliseconds. */
  readonly psLimit?: number;
}

export const containers: Crowd = { count: 1000, what: "containers", flags: "", starts: 4, psLimit: 100 };
export const microvms: Crowd = { count: 100, what: "microVMs", flags: "--isolation microvm", starts: 2 };

/** Starts them, counts what they take, asks for the list, and has them all go cleanly. */
export function crowdFigures(isle: Side, { count, what, flags, starts, psLimit }: Crowd): Figure[] {
  const before = memoryKb(descendants(isle.root));
  const start = `seq ${count} | xargs -P ${starts} -I{} $E run -d ${flags} busybox sleep 3600 >/dev/null`;
  const startMs = timed(() => isle.shell(start));
  const running = Number(isle.shell("$E ps -q | wc -l"));
  if (running !== count) throw new Error(`of ${count} ${what} ${running} run`);
  const addedMb = (memoryKb(descendants(isle.root)) - before) / 1024;
  const psMs = Array.from({ length: 15 }, () => isle.time("ps"));
  const stopMs = timed(() => isle.shell("$E kill $($E ps -q) >/dev/null; $E container prune -f >/dev/null"));
  const left = isle.shell("$E ps -aq | wc -l").trim();
  if (left !== "0") throw new Error(`${left} ${what} are left`);
  const figure = (scenario: string, unit: string, values: number[], limit?: number): Figure => ({
    scenario,
    unit,
    sides: { isle: summarise(values) },
    ratios: {},
    bars: {},
    ...(limit !== undefined && { limit }),
  });
  return [
    figure(`start ${count} ${what}, ${starts} at a time`, "ms", [startMs]),
    figure(`memory of ${count} ${what}`, "MB", [addedMb]),
    figure(`ps, ${count} ${what} running`, "ms", psMs, psLimit),
    figure(`kill and remove ${count} ${what}`, "ms", [stopMs]),
  ];
}
