import { formatBytes } from "../../base/size.ts";
import type { ProgressMessage } from "../../client/images.ts";
import type { Output, Terminal } from "../io.ts";

export interface ProgressOptions {
  readonly output: Output;
  readonly terminal: Terminal;
  /** Called with each message's `aux`. */
  readonly onAux?: (aux: unknown) => void;
}

/** Shows a progress stream: bars that move on a terminal, plain lines elsewhere. Throws the error it carries. */
export async function showProgress(messages: AsyncIterable<ProgressMessage>, options: ProgressOptions): Promise<void> {
  const board = options.output.isTerminal ? new Board(options) : undefined;
  for await (const message of messages) {
    if (message.error !== undefined || message.errorDetail !== undefined) {
      throw new Error(message.errorDetail?.message ?? message.error);
    }
    if (message.aux !== undefined) {
      options.onAux?.(message.aux);
      if (message.status === undefined && message.stream === undefined) continue;
    }
    if (board === undefined) await options.output.write(plainLine(message));
    else await board.show(message);
  }
}

/** What a pipe or file gets: no bars, only steps that are done. */
function plainLine({ id, status = "", stream, progressDetail }: ProgressMessage): string {
  if (stream !== undefined) return stream;
  if (progressDetail?.current || progressDetail?.total) return "";
  return id === undefined ? `${status}\n` : `${id}: ${status}\n`;
}

/** Lines on a terminal, one for each id, rewritten in place. */
class Board {
  readonly #options: ProgressOptions;
  readonly #rows = new Map<string, number>();
  #height = 0;

  constructor(options: ProgressOptions) {
    this.#options = options;
  }

  async show(message: ProgressMessage): Promise<void> {
    const { output } = this.#options;
    const text = message.stream ?? this.#text(message);
    if (message.id === undefined) {
      await output.write(message.stream ?? `${text}\n`);
      this.#rows.clear();
      this.#height = 0;
      return;
    }
    const row = this.#rows.get(message.id);
    if (row === undefined) {
      this.#rows.set(message.id, this.#height++);
      await output.write(`${text}\n`);
      return;
    }
    const up = this.#height - row;
    await output.write(`\x1b[${up}A\x1b[2K\r${text}\x1b[${up}B\r`);
  }

  #text({ id, status = "", progressDetail }: ProgressMessage): string {
    const columns = this.#options.terminal.size()?.columns || 80;
    const label = id === undefined ? status : `${id}: ${status}`;
    const bar = progressBar(progressDetail, columns - label.length - 1);
    return (bar === "" ? label : `${label} ${bar}`).slice(0, columns);
  }
}

/** `[====>    ]  1.2MB/3.4MB`, as wide as there is room. */
function progressBar(detail: ProgressMessage["progressDetail"], room: number): string {
  const { current = 0, total = 0, units } = detail ?? {};
  if (current <= 0 && total <= 0) return "";
  const shown = units === undefined ? formatBytes(current, 4) : `${current} ${units}`;
  if (total <= 0 || current > total) return shown.padStart(8);
  const numbers = `${shown.padStart(8)}/${units === undefined ? formatBytes(total, 4) : total}`;
  const width = Math.min(50, room - numbers.length - 4);
  if (width < 10) return numbers;
  const filled = Math.floor((current / total) * width);
  return `[${`${"=".repeat(filled)}>`.slice(0, width).padEnd(width)}]  ${numbers}`;
}
