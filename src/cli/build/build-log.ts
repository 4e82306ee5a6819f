import type { Output } from "../io.ts";

/** A build's events as the daemon sends them; `data` is in base64. */
export type BuildEvent =
  | { readonly kind: "plan"; readonly steps: readonly Step[] }
  | { readonly kind: "start"; readonly step: Step }
  | { readonly kind: "output"; readonly step: Step; readonly data: string }
  | { readonly kind: "end"; readonly step: Step; readonly cached: boolean }
  | { readonly kind: "failed"; readonly step: Step; readonly message: string }
  | { readonly kind: "warning"; readonly message: string }
  | { readonly kind: "lint"; readonly warning: LintLine }
  /** What a client of BuildKit's is shown besides the steps. */
  | { readonly kind: "part" }
  | { readonly kind: "image"; readonly id: string; readonly names: readonly string[] }
  /** Lines of the Dockerfile that the failure comes from. */
  | { readonly kind: "place"; readonly name: string; readonly excerpt: readonly string[] }
  /** A step, or the fetching of a repository, wants a connection to an SSH agent. */
  | { readonly kind: "agent"; readonly agent: string; readonly id: string }
  /** An output is ready to be fetched. */
  | { readonly kind: "deliver"; readonly output: number; readonly id: string }
  | { readonly kind: "deliver-cache"; readonly name: string; readonly id: string }
  /** The engine wants a blob of a cache. */
  | { readonly kind: "fetch"; readonly name: string; readonly digest: string; readonly id: string }
  /** The end, with what the outputs tell. */
  | { readonly kind: "exported"; readonly facts: Readonly<Record<string, string>> };

interface LintLine {
  readonly rule: string;
  readonly detail: string;
  readonly lines: { readonly first: number };
}

export interface Step {
  readonly number: number;
  readonly name: string;
}

/** Writes a build's progress as plain lines, each with the number of its step and the time it came at. */
export class BuildLog {
  readonly #output: Output;
  readonly #began = new Map<number, number>();
  readonly #open = new Map<number, string>();
  readonly #found: Array<Extract<BuildEvent, { kind: "lint" }>> = [];
  #last = 0;
  #now = 0;

  constructor(output: Output) {
    this.#output = output;
  }

  /** `at` is when it was, in milliseconds of any clock. */
  async take(event: BuildEvent, at: number = performance.now()): Promise<void> {
    this.#now = at;
    switch (event.kind) {
      case "start":
        this.#began.set(event.step.number, at);
        return await this.#say(event.step, event.step.name);
      case "output":
        return await this.#lines(event.step, Buffer.from(event.data, "base64").toString());
      case "end":
        await this.#rest(event.step);
        return await this.#say(event.step, event.cached ? "CACHED" : `DONE ${this.#seconds(event.step)}s`);
      case "failed":
        await this.#rest(event.step);
        return await this.#say(event.step, `ERROR: ${event.message}`);
      case "warning":
        return await this.#output.write(`WARNING: ${event.message}\n`);
      case "lint":
        this.#found.push(event);
        return;
      case "image":
        await this.#output.write(`\nwriting image ${event.id}\n`);
        for (const name of event.names) await this.#output.write(`naming to ${name}\n`);
        return;
      case "plan":
      case "part":
      case "place":
      case "agent":
      case "deliver":
      case "deliver-cache":
      case "fetch":
      case "exported":
        return;
    }
  }

  async end(): Promise<void> {
    await this.#output.write(findingsText(this.#found));
  }

  async #lines(step: Step, text: string): Promise<void> {
    const lines = ((this.#open.get(step.number) ?? "") + text).split("\n");
    this.#open.set(step.number, lines.pop() ?? "");
    for (const line of lines) await this.#say(step, `${this.#seconds(step)} ${line.replace(/\r$/, "")}`);
  }

  async #rest(step: Step): Promise<void> {
    if (this.#open.get(step.number)) await this.#lines(step, "\n");
  }

  /** An empty line where another step goes on. */
  async #say({ number }: Step, text: string): Promise<void> {
    const gap = this.#last !== 0 && this.#last !== number ? "\n" : "";
    this.#last = number;
    await this.#output.write(`${gap}#${number} ${text}\n`);
  }

  #seconds({ number }: Step): string {
    return ((this.#now - (this.#began.get(number) ?? this.#now)) / 1000).toFixed(1);
  }
}

/** Where a failure comes from, to stand above its words. */
export const placeText = ({ name, excerpt }: Extract<BuildEvent, { kind: "place" }>): string =>
  [name, ruler, ...excerpt.map((line) => line.trimEnd()), ruler, ""].join("\n");

const ruler = "-".repeat(20);

/** What the linter found, for the end of a build. */
export function findingsText(found: ReadonlyArray<Extract<BuildEvent, { kind: "lint" }>>): string {
  if (found.length === 0) return "";
  const head = `${found.length} warning${found.length === 1 ? "" : "s"} found (use --check to expand):`;
  const lines = found.map(({ warning: { rule, detail, lines: at } }) => ` - ${rule}: ${detail} (line ${at.first})`);
  return `\n${[head, ...lines].join("\n")}\n`;
}
