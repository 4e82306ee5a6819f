import { join } from "node:path";
import { type ContextFacts, factsName, parseFacts } from "../../base/context-facts.ts";
import { invalid } from "../../base/error.ts";
import { type ContextManifest, hasFilesBelowLinks } from "../../core/build/context-manifest.ts";
import { type ContextUpdate, updateContext } from "../../core/build/context-update.ts";
import type { ContextPlace } from "./context.ts";
import type { BuildDeps } from "./deps.ts";

interface Received {
  readonly archive: string;
  /** Where the files are unpacked: the base's directory, or one that is not there yet. */
  readonly directory: string;
  readonly received: ContextManifest;
  readonly place: ContextPlace | undefined;
}

/** The files of a context on the disk: unpacked when first asked for, then kept for the next build or removed. */
export class ContextFiles {
  readonly all: ContextManifest["files"];
  readonly #deps: BuildDeps;
  readonly #from: Received;
  readonly #facts: ContextFacts | undefined;
  readonly #update: ContextUpdate;
  #unpacked: Promise<void> | undefined;
  #released: Promise<void> | undefined;

  constructor(deps: BuildDeps, from: Received) {
    this.#deps = deps;
    this.#from = from;
    const { files, texts } = from.received;
    const text = from.place && texts.get(factsName);
    if (from.place?.base && !text) throw invalid("the build context does not end with its facts");
    this.#facts = text && parseFacts(text.toString());
    this.#update = this.#facts
      ? updateContext(files, this.#facts, from.place?.base)
      : { files, stale: [], changed: true };
    this.all = this.#update.files;
  }

  async path(): Promise<string> {
    if (this.#update.changed) {
      this.#unpacked ??= this.#unpack();
      await this.#unpacked;
    }
    return this.#from.directory;
  }

  /** Removes what is stale and unpacks the archive over the rest. */
  async #unpack(): Promise<void> {
    const { machine, archive: driver } = this.#deps;
    const { archive, directory } = this.#from;
    machine.makeDirectory(directory);
    // No file of a base lies below a link: these paths are in its directory.
    for (const path of this.#update.stale) await machine.removeTree(join(directory, path));
    await driver.write({ path: directory }, "/", machine.openFile(archive));
    await machine.removeTree(join(directory, factsName));
  }

  /** Once is enough. */
  release(): Promise<void> {
    this.#released ??= this.#release();
    return this.#released;
  }

  async #release(): Promise<void> {
    const { machine, contexts } = this.#deps;
    const { archive, directory, place } = this.#from;
    // A first build whose steps were all in the cache needed no file: the next one need not send them again for that.
    if (place && !place.base && contexts.mayKeep(this.all)) await this.path().catch(() => {});
    await machine.removeTree(archive);
    const content = await this.#content();
    const unwanted = place && content ? contexts.put(place.key, { ...content, directory }) : [directory];
    for (const path of unwanted) await machine.removeTree(path);
  }

  /** What lies in the directory now; undefined when it is not fit to be kept. */
  async #content(): Promise<{ files: ContextManifest["files"]; facts: ContextFacts } | undefined> {
    const base = this.#from.place?.base;
    if (this.#update.changed && this.#unpacked === undefined) return base;
    const isWhole = await (this.#unpacked ?? Promise.resolve()).then(
      () => true,
      () => false,
    );
    const facts = this.#from.place?.whole ? new Map<string, string>() : this.#facts;
    if (!isWhole || !facts || hasFilesBelowLinks(this.all)) return undefined;
    return { files: this.all, facts };
  }
}
