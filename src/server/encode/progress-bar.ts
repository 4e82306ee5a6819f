import { formatBytes } from "../../base/size.ts";
import type { ProgressLine } from "../json-stream.ts";

const width = 50;

/** The line with the bar that older clients print as it comes, where it has something to measure. */
export function withProgressBar(line: ProgressLine): ProgressLine {
  const { current = 0, total = 0 } = line.progressDetail ?? {};
  if (current <= 0 && total <= 0) return line;
  return { ...line, progress: progressText(current, total) };
}

/** `[=====>      ]  1.2MB/12MB`; the number alone when the total is not known. */
export function progressText(current: number, total: number): string {
  const done = formatBytes(current).padStart(8);
  if (total <= 0 || current > total) return done;
  const filled = Math.floor(Math.floor((current / total) * 100) / 2);
  return `[${"=".repeat(filled)}>${" ".repeat(width - filled)}] ${done}/${formatBytes(total)}`;
}
