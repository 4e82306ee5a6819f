import { shortId } from "../../base/id.ts";
import { familiarReference, parseReference } from "../../base/reference.ts";
import type { BuildEvent } from "../../engine/build/request.ts";
import type { ProgressLine } from "../json-stream.ts";

/** A build's events in the words of the classic builder. */
export class ClassicProgress {
  readonly #quiet: boolean;
  readonly #report: (line: ProgressLine) => void;
  #steps = 0;

  constructor({ quiet, report }: { quiet: boolean; report: (line: ProgressLine) => void }) {
    this.#quiet = quiet;
    this.#report = report;
  }

  take(event: BuildEvent): void {
    switch (event.kind) {
      case "plan":
        this.#steps = event.steps.length;
        break;
      case "start":
        // Work beside the Dockerfile's steps is none of the classic builder's words.
        if (event.step.number <= this.#steps)
          this.#say(`Step ${event.step.number}/${this.#steps} : ${event.step.written}\n`);
        break;
      case "output":
        this.#say(Buffer.from(event.data).toString());
        break;
      case "end":
        if (event.cached) this.#say(" ---> Using cache\n");
        break;
      case "warning":
        this.#say(`[Warning] ${event.message}\n`);
        break;
      case "image":
        this.#end(event.id, event.names);
        break;
      case "failed":
        if (event.step.number > this.#steps) this.#say(`[Warning] ${event.step.name}: ${event.message}\n`);
        break;
      case "lint":
      case "part":
        break;
    }
  }

  #say(stream: string): void {
    if (!this.#quiet) this.#report({ stream });
  }

  #end(id: string, names: readonly string[]): void {
    if (this.#quiet) {
      this.#report({ stream: `${id}\n` });
      return;
    }
    this.#report({ aux: { ID: id } });
    this.#report({ stream: `Successfully built ${shortId(id)}\n` });
    for (const name of names)
      this.#report({ stream: `Successfully tagged ${familiarReference(parseReference(name))}\n` });
  }
}
