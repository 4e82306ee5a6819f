import type { Output, Terminal } from "../io.ts";
import type { BuildDisplay } from "./build-display.ts";
import { type BuildEvent, findingsText } from "./build-log.ts";
import { BuildTree } from "./build-tree.ts";

const redrawMs = 100;

interface Place {
  readonly output: Output;
  readonly terminal: Terminal;
  readonly colors: boolean;
}

/** Draws a build's steps on a terminal, over and over in the same lines. */
export class TreeDisplay implements BuildDisplay {
  readonly #place: Place;
  readonly #tree = new BuildTree(performance.now());
  readonly #timer: ReturnType<typeof setInterval>;
  readonly #findings: Array<Extract<BuildEvent, { kind: "lint" }>> = [];
  #height = 0;
  #drawing: Promise<void> = Promise.resolve();
  #isDrawing = false;

  constructor(place: Place) {
    this.#place = place;
    this.#timer = setInterval(() => this.#redraw(), redrawMs);
    this.#timer.unref();
  }

  async take(event: BuildEvent): Promise<void> {
    if (event.kind === "lint") this.#findings.push(event);
    else this.#tree.take(event, performance.now());
  }

  async end(): Promise<void> {
    clearInterval(this.#timer);
    this.#tree.end(performance.now());
    await this.#drawing;
    await this.#draw();
    const failures = this.#tree.failures();
    const rest = failures.length === 0 ? "" : `${failures.join("\n")}\n`;
    await this.#place.output.write(`${rest}${findingsText(this.#findings)}`);
  }

  /** A terminal that is slower than the clock is not drawn on twice at a time. */
  #redraw(): void {
    if (this.#isDrawing) return;
    this.#isDrawing = true;
    this.#drawing = this.#draw()
      .catch(() => {})
      .finally(() => {
        this.#isDrawing = false;
      });
  }

  async #draw(): Promise<void> {
    const { output, terminal, colors } = this.#place;
    const { columns = 80, rows = 24 } = terminal.size() ?? {};
    const lines = this.#tree.lines({ columns, rows, colors }, performance.now());
    const back = this.#height > 0 ? `\x1b[${this.#height}A\r\x1b[J` : "";
    this.#height = lines.length;
    await output.write(`${back}${lines.map((line) => `${line}\n`).join("")}`);
  }
}
