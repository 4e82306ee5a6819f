import type { Figure } from "./report.ts";
import { timed } from "./scenarios.ts";
import { descendants, memoryKb, type Side } from "./side.ts";
import { summarise } from "./statistics.ts";

const count = 1000;

/** A thousand idle containers: `ps` answers, and all go cleanly. */
export function thousandFigures(isle: Side): Figure[] {
  const before = memoryKb(descendants(isle.root));
  const startMs = timed(() => isle.shell(`seq ${count} | xargs -P 4 -I{} $E run -d busybox sleep 3600 >/dev/null`));
  const running = Number(isle.shell("$E ps -q | wc -l"));
  if (running !== count) throw new Error(`of ${count} containers ${running} run`);
  const addedMb = (memoryKb(descendants(isle.root)) - before) / 1024;
  const psMs = Array.from({ length: 15 }, () => isle.time("ps"));
  const stopMs = timed(() => isle.shell("$E kill $($E ps -q) >/dev/null; $E container prune -f >/dev/null"));
  const left = isle.shell("$E ps -aq | wc -l").trim();
  if (left !== "0") throw new Error(`${left} containers are left`);
  const figure = (scenario: string, unit: string, values: number[], limit?: number): Figure => ({
    scenario,
    unit,
    sides: { isle: summarise(values) },
    ratios: {},
    bars: {},
    ...(limit !== undefined && { limit }),
  });
  return [
    figure(`start ${count} containers, 4 at a time`, "ms", [startMs]),
    figure(`memory of ${count} containers`, "MB", [addedMb]),
    figure(`ps, ${count} running`, "ms", psMs, 100),
    figure(`kill and remove ${count}`, "ms", [stopMs]),
  ];
}
