export interface Summary {
  readonly runs: number;
  readonly min: number;
  readonly median: number;
  readonly max: number;
}

export function summarise(values: readonly number[]): Summary {
  const sorted = [...values].sort((a, b) => a - b);
  return { runs: sorted.length, min: sorted[0] ?? 0, median: median(sorted), max: sorted.at(-1) ?? 0 };
}

/** Of a sorted list. */
function median(sorted: readonly number[]): number {
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2;
}

/** Median of the ratios of runs that stood side by side, which outlasts a machine whose speed drifts. */
export function pairedRatio(ours: readonly number[], theirs: readonly number[]): number {
  const ratios = ours.slice(0, theirs.length).map((value, i) => value / theirs[i]!);
  return median([...ratios].sort((a, b) => a - b));
}
