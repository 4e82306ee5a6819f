import { randomUUID } from "node:crypto";
import { type StatusEvent, type StatusUpdate, StatusWriter } from "../../api/build-status.ts";
import type { Output } from "../io.ts";
import type { BuildDisplay } from "./build-display.ts";
import type { BuildEvent } from "./build-log.ts";

/** Writes what happens as the lines of JSON that `docker buildx build --progress=rawjson` writes. */
export class RawStatus implements BuildDisplay {
  readonly #output: Output;
  readonly #writer: StatusWriter;
  #written = "";

  constructor(output: Output) {
    this.#output = output;
    this.#writer = new StatusWriter(randomUUID(), (update) => {
      this.#written += `${JSON.stringify(rawUpdate(update))}\n`;
    });
  }

  async take(event: BuildEvent, at: number = Date.now()): Promise<void> {
    this.#writer.take(shownEvent(event), at);
    const text = this.#written;
    this.#written = "";
    if (text !== "") await this.#output.write(text);
  }

  async end(): Promise<void> {}
}

/** Only the output of steps has another form on its way to the command line. */
const shownEvent = (event: BuildEvent): StatusEvent =>
  (event.kind === "output" ? { ...event, data: Buffer.from(event.data, "base64") } : event) as StatusEvent;

/** Names and forms of the fields are those of BuildKit's client: times as text, bytes in base64. */
function rawUpdate({ vertexes, logs, warnings }: StatusUpdate): object {
  return {
    ...(vertexes && {
      vertexes: vertexes.map(({ started, completed, cached, error, ...vertex }) => ({
        ...vertex,
        ...(started !== undefined && { started: time(started) }),
        ...(completed !== undefined && { completed: time(completed) }),
        ...(cached && { cached }),
        ...(error !== undefined && { error }),
      })),
    }),
    ...(logs && {
      logs: logs.map(({ vertex, stream, data, timestamp }) => ({
        ...{ vertex, stream, data: base64(data), timestamp: time(timestamp) },
      })),
    }),
    ...(warnings && {
      warnings: warnings.map(({ short, detail, source, ranges, ...warning }) => ({
        ...warning,
        short: base64(short),
        ...(detail && { detail: detail.map(base64) }),
        ...(source && { sourceInfo: { ...source, data: base64(source.data) } }),
        ...(ranges && { range: ranges }),
      })),
    }),
  };
}

const time = (milliseconds: number): string => new Date(milliseconds).toISOString();
const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64");
