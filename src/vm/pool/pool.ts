import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { messageOf } from "../../base/error.ts";
import type { Logger } from "../../base/log.ts";
import type { OciSpec } from "../../core/oci-spec.ts";
import { annotation } from "../annotations.ts";
import { findKernel, type GuestKernel, listKernels } from "../kernel/kernels.ts";
import { defaultDomain, diskBytesOf } from "../machine.ts";
import { machineUser } from "../places.ts";
import { planShares } from "../plan/container.ts";
import type { Share } from "../plan/mounts.ts";
import { planShape } from "../plan/shape.ts";
import { knownAcceleration, needsProbe, probeAcceleration } from "../qemu/acceleration.ts";
import { processorOf } from "../qemu/counter.ts";
import { openSaved } from "../saved/saved-machine.ts";
import { smallFile } from "../small-file.ts";

import { findTemplate, makeTemplate, sweepTemplates, type TemplateWish } from "../template/template.ts";
import { type AheadWish, startAhead } from "./ahead.ts";
import { type HeldSpare, makeSpare, type SpareWish } from "./make-spare.ts";
import { sparesUsage } from "./pool-usage.ts";
import { planRehearsal } from "./rehearsal.ts";
import { mayTakeSpare, readyDirectory, spareKey } from "./spare.ts";

export interface PoolOptions {
  readonly directory: string;
  readonly disks: string;
  readonly templates: string;
  /** Machines that wait, at most; 0 turns the pool off. */
  readonly size: number;
  readonly log: Logger;
}

const mebi = 2 ** 20;
/** Below it no machine is made that nobody asked for; below half of it those that wait are given up. */
const enoughMemory = 4096 * mebi;
const lookMs = 5000;
/** A start that is under way has the processors for itself. */
const settleMs = 300;
const handoverMs = 60_000;
/** Machines that nobody wanted for so long are given up. */
const keptMs = 10 * 60_000;

/**
 * Templates and spare machines, made in the background for what was started last: the next start of the same image
 * finds a machine that only has to go on. Everything here may fail or be killed at any time; a start then takes longer.
 */
export class MachinePool {
  readonly #options: PoolOptions;
  #spares: HeldSpare[] = [];
  #wanted: { spec: OciSpec; mayWait: boolean; at: number } | undefined;
  #working = false;
  #closed = false;
  #timer: ReturnType<typeof setInterval> | undefined;
  #begin: ReturnType<typeof setTimeout> | undefined;

  constructor(options: PoolOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#options.size;
  }

  /** How many machines wait. */
  get waiting(): number {
    return this.#spares.length;
  }

  usage(): ReturnType<typeof sparesUsage> {
    return sparesUsage(this.#options.directory);
  }

  /** Removes what an earlier process left; its machines ended with it. */
  sweep(): void {
    for (const directory of [this.#options.directory, this.#options.disks]) {
      rmSync(directory, { recursive: true, force: true });
    }
    sweepTemplates(this.#options.templates);
  }

  /** Takes note of a start, after which another like it is likely. */
  started(spec: OciSpec): void {
    this.#letGoTaken();
    const isNew = annotation(spec, "image") !== undefined && annotation(spec, "restore") === undefined;
    if (this.#closed || !isNew) return;
    // What a container brings along may be gone with it when the work begins.
    const mayWait = sharesOf(spec).length === 0 && !annotation(spec, "networks");
    this.#wanted = { spec, mayWait, at: Date.now() };
    this.#timer ??= setInterval(() => this.#look(), lookMs).unref();
    clearTimeout(this.#begin);
    this.#begin = setTimeout(() => void this.#work(), settleMs).unref();
  }

  /** Starts a machine for one workload when there is a template and none waits; returns what ends what nobody took. */
  async ahead(id: string, spec: OciSpec): Promise<() => void> {
    // What is wrong with the specification the runtime tells, in its own words.
    const wish = this.#closed ? undefined : await this.#aheadWish(spec).catch(() => undefined);
    return wish ? startAhead(this.#options.directory, id, wish) : () => {};
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#begin);
    clearInterval(this.#timer);
    this.#giveUp();
  }

  /** A machine that was taken belongs to its relay, which says so to its keeper; if it never does, the machine ends. */
  #letGoTaken(): void {
    const ready = readyDirectory(this.#options.directory);
    this.#spares = this.#spares.filter((spare) => {
      if (existsSync(join(ready, spare.name))) return true;
      setTimeout(() => spare.life.destroy(), handoverMs).unref();
      return false;
    });
  }

  #giveUp(): void {
    this.#letGoTaken();
    for (const { name, life, disk } of this.#spares.splice(0)) {
      life.destroy();
      rmSync(join(readyDirectory(this.#options.directory), name), { recursive: true, force: true });
      rmSync(disk, { force: true });
    }
  }

  #look(): void {
    this.#letGoTaken();
    const old = this.#wanted !== undefined && Date.now() - this.#wanted.at > keptMs;
    if (!old && availableMemory() > enoughMemory / 2) return;
    this.#wanted = undefined;
    this.#giveUp();
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  async #work(): Promise<void> {
    if (this.#working) return;
    this.#working = true;
    while (!this.#closed && (await this.#prepare())) {}
    this.#working = false;
  }

  /** False when there is nothing to do. What failed is tried again at the next start only. */
  async #prepare(): Promise<boolean> {
    const wanted = this.#wanted;
    if (!wanted) return false;
    try {
      return await this.#oneMore(wanted);
    } catch (error) {
      this.#options.log.warn("preparing microVMs failed; they start without", { error: messageOf(error) });
      if (this.#wanted !== wanted) return true;
      this.#wanted = undefined;
      return false;
    }
  }

  async #oneMore({ spec, mayWait }: { spec: OciSpec; mayWait: boolean }): Promise<boolean> {
    const wish = await this.#spareWish(spec);
    if (!mayWait) return false;
    this.#letGoTaken();
    if (this.#spares.some(({ name }) => !name.startsWith(`${wish.key}.`))) this.#giveUp();
    if (this.#spares.length >= this.#options.size || availableMemory() < enoughMemory) return false;
    const rehearsal = await planRehearsal(spec);
    const spare = await makeSpare(
      { ...wish, rehearsal },
      { pool: this.#options.directory, disks: this.#options.disks },
    );
    this.#spares.push(spare);
    if (this.#closed) this.#giveUp();
    return true;
  }

  /** With the template, which is made when there is none. */
  async #spareWish(spec: OciSpec): Promise<Omit<SpareWish, "rehearsal">> {
    const kernel = await findKernel(annotation(spec, "kernel"));
    if (needsProbe()) await probeAcceleration(kernel);
    const wish = this.#templateWish(spec, kernel);
    const template = findTemplate(wish) ?? (await makeTemplate(wish));
    const image = annotation(spec, "image")!;
    return { key: spareKey(template.key, image), shape: wish.shape, kernel, template, image };
  }

  async #aheadWish(spec: OciSpec): Promise<AheadWish | undefined> {
    const [image, disk] = [annotation(spec, "image"), annotation(spec, "disk")];
    if (!image || !disk || listKernels().length === 0) return undefined;
    const from = annotation(spec, "restore");
    if (from) {
      const { memory, state, ...saved } = openSaved(from, disk);
      const given = { shape: saved.shape, kernel: await findKernel(saved.kernel), template: { memory, state } };
      return { ...given, image, disk, diskBytes: diskBytesOf(spec), shares: [], still: true };
    }
    const kernel = await findKernel(annotation(spec, "kernel"));
    const wish = this.#templateWish(spec, kernel);
    const template = findTemplate(wish);
    if (!template) return undefined;
    const shares = sharesOf(spec);
    const shared = shares.length > 0;
    if (!shared && mayTakeSpare(spec) && this.#hasSpare(spareKey(template.key, image))) return undefined;
    const shape = { ...wish.shape, shared };
    return { shape, kernel, template, image, disk, diskBytes: diskBytesOf(spec), shares, still: false };
  }

  #hasSpare(key: string): boolean {
    return this.#spares.some(({ name }) => name.startsWith(`${key}.`));
  }

  #templateWish(spec: OciSpec, kernel: GuestKernel): TemplateWish {
    const shape = planShape(spec, { shared: false, ...processorOf(knownAcceleration().kind) });
    const domain = annotation(spec, "domain") ?? defaultDomain;
    return { directory: this.#options.templates, shape, kernel, domain, user: machineUser };
  }
}

const sharesOf = (spec: OciSpec): Share[] => planShares(spec, { rootOnDisk: true, smallFile });

function availableMemory(): number {
  const line = /^MemAvailable:\s+(\d+) kB$/m.exec(readFileSync("/proc/meminfo", "utf8"));
  return Number(line?.[1] ?? 0) * 1024;
}
