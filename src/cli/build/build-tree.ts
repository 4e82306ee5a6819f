import type { BuildEvent, Step } from "./build-log.ts";

/** One step as it stands. Times are milliseconds of one clock. */
interface TreeStep {
  readonly name: string;
  readonly began: number;
  ended: number | undefined;
  state: "running" | "done" | "cached" | "failed";
  /** The last lines it said. */
  readonly said: string[];
  open: string;
}

export interface Screen {
  readonly columns: number;
  readonly rows: number;
  /** Mark what is done and what failed by color. */
  readonly colors: boolean;
}

const keptLines = 40;
const shownLines = 6;

/** A build's steps as lines for a terminal: those that run with their last words, the others with their times. */
export class BuildTree {
  readonly #began: number;
  readonly #steps = new Map<number, TreeStep>();
  readonly #results: string[] = [];
  #planned = 0;
  #ended: number | undefined;

  constructor(now: number) {
    this.#began = now;
  }

  take(event: BuildEvent, now: number): void {
    if (event.kind === "plan") this.#planned = event.steps.length;
    else if (event.kind === "start") this.#steps.set(event.step.number, begun(event.step, now));
    else if (event.kind === "output") this.#hear(event.step, Buffer.from(event.data, "base64").toString());
    else if (event.kind === "end") this.#finish(event.step, event.cached ? "cached" : "done", now);
    else if (event.kind === "failed") this.#finish(event.step, "failed", now);
    else if (event.kind === "warning") this.#results.push(` WARNING: ${event.message}`);
    else if (event.kind === "image") {
      this.#results.push(` => => writing image ${event.id}`, ...event.names.map((name) => ` => => naming to ${name}`));
    }
  }

  end(now: number): void {
    this.#ended ??= now;
  }

  /** As many lines as fit: what runs goes before what has ended. */
  lines(screen: Screen, now: number): string[] {
    const steps = [...this.#steps.values()];
    const done = steps.filter(({ state }) => state !== "running").length;
    const total = Math.max(this.#planned, steps.length);
    const isOver = this.#ended !== undefined;
    const head = `[+] Building ${seconds((this.#ended ?? now) - this.#began)} (${done}/${total})${isOver ? " FINISHED" : ""}`;
    const groups = steps.map((step) => [
      stepLine(step, screen, now),
      ...(step.state === "running" && !isOver ? step.said.slice(-shownLines).map((line) => ` => => # ${line}`) : []),
    ]);
    const room = isOver ? Number.POSITIVE_INFINITY : screen.rows - 2;
    const shown = fitting(groups, steps, room).flat();
    return [head, ...shown, ...this.#results].map((line) => cut(line, screen.columns));
  }

  /** What steps that failed have said, once all is over. */
  failures(): string[] {
    return [...this.#steps.values()]
      .filter(({ state }) => state === "failed")
      .flatMap(({ name, said }) => ["------", ` > ${name}:`, ...said, "------"]);
  }

  #hear({ number }: Step, text: string): void {
    const step = this.#steps.get(number);
    if (!step) return;
    const lines = (step.open + text).split("\n");
    step.open = (lines.pop() ?? "").slice(-10_000);
    step.said.push(...lines.map(plain));
    step.said.splice(0, Math.max(0, step.said.length - keptLines));
  }

  #finish({ number }: Step, state: TreeStep["state"], now: number): void {
    const step = this.#steps.get(number);
    if (!step) return;
    if (step.open !== "") step.said.push(plain(step.open));
    Object.assign(step, { state, ended: now, open: "" });
  }
}

const begun = ({ name }: Step, now: number): TreeStep => ({
  ...{ name: plain(name), began: now, ended: undefined, state: "running", said: [], open: "" },
});

const seconds = (milliseconds: number): string => `${(milliseconds / 1000).toFixed(1)}s`;

const words = { running: "", done: "", cached: "CACHED ", failed: "ERROR " } as const;
const colors = { running: "", done: "\x1b[34m", cached: "\x1b[34m", failed: "\x1b[31m" } as const;

function stepLine({ name, began, ended, state }: TreeStep, screen: Screen, now: number): string {
  const time = seconds((ended ?? now) - began);
  const room = Math.max(10, screen.columns - 1 - time.length - 1);
  const text = `${cut(` => ${words[state]}${name}`, room).padEnd(room)} ${time}`;
  const color = screen.colors ? colors[state] : "";
  return color === "" ? text : `${color}${text}\x1b[0m`;
}

/** Leaves out steps that have ended, the first ones first, and then lines of those that run. */
function fitting(groups: readonly string[][], steps: readonly TreeStep[], room: number): string[][] {
  const shown = groups.map((lines, index) => ({ lines, isRunning: steps[index]!.state === "running" }));
  const height = (): number => shown.reduce((sum, { lines }) => sum + lines.length, 0);
  while (height() > room) {
    const oldest = shown.findIndex(({ isRunning }) => !isRunning);
    if (oldest !== -1) shown.splice(oldest, 1);
    else if (shown.some(({ lines }) => lines.length > 1)) {
      shown.reduce((a, b) => (b.lines.length > a.lines.length ? b : a)).lines.splice(1, 1);
    } else shown.shift();
  }
  return shown.map(({ lines }) => lines);
}

/** Without what would move the cursor or change colors: a step's words are not the terminal's. */
export const plain = (text: string): string =>
  text
    .replace(/\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b./g, "")
    .replace(/\r$/, "")
    .replace(/^.*\r/s, "")
    .replace(/\t/g, "    ")
    .replace(/[\x00-\x1f\x7f-\x9f]/g, "");

/** A line that is longer would go on in the next one, which the redraw does not know of. */
function cut(line: string, columns: number): string {
  const width = columns - 1;
  if (line.startsWith("\x1b[")) return line;
  const letters = [...line];
  return letters.length <= width ? line : `${letters.slice(0, width - 1).join("")}…`;
}
