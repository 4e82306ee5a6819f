import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { messageOf } from "../../base/error.ts";
import type { Logger } from "../../base/log.ts";
import type { OciSpec } from "../../core/oci-spec.ts";
import { annotation } from "../annotations.ts";
import { findKernel } from "../kernel/kernels.ts";
import { defaultDomain } from "../machine.ts";
import { machineUser } from "../places.ts";
import { planMounts } from "../plan/mounts.ts";
import { planShape } from "../plan/shape.ts";
import { knownAcceleration, needsProbe, probeAcceleration } from "../qemu/acceleration.ts";
import { findTemplate, makeTemplate, sweepTemplates } from "../template/template.ts";
import { type HeldSpare, makeSpare, type SpareWish } from "./make-spare.ts";
import { planRehearsal } from "./rehearsal.ts";
import { readyDirectory, spareKey } from "./spare.ts";

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
  #wanted: { spec: OciSpec; at: number } | undefined;
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
    if (this.#closed || annotation(spec, "image") === undefined) return;
    this.#wanted = { spec, at: Date.now() };
    this.#timer ??= setInterval(() => this.#look(), lookMs).unref();
    clearTimeout(this.#begin);
    this.#begin = setTimeout(() => void this.#work(), settleMs).unref();
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
    try {
      while (!this.#closed && (await this.#oneMore())) {}
    } catch (error) {
      this.#wanted = undefined;
      this.#options.log.warn("preparing microVMs failed; they start without", { error: messageOf(error) });
    } finally {
      this.#working = false;
    }
  }

  /** False when there is nothing to do. */
  async #oneMore(): Promise<boolean> {
    const wanted = this.#wanted;
    if (!wanted) return false;
    const wish = await this.#wish(wanted.spec);
    this.#letGoTaken();
    const others = this.#spares.filter(({ name }) => !name.startsWith(`${wish?.key}.`));
    if (others.length > 0) this.#giveUp();
    if (!wish || this.#spares.length >= this.#options.size || availableMemory() < enoughMemory) return false;
    const rehearsal = await planRehearsal(wanted.spec);
    const spare = await makeSpare(
      { ...wish, rehearsal },
      { pool: this.#options.directory, disks: this.#options.disks },
    );
    this.#spares.push(spare);
    if (this.#closed) this.#giveUp();
    return true;
  }

  /** What would serve the specification; undefined for one that shares directories, which needs memory of its own. */
  async #wish(spec: OciSpec): Promise<Omit<SpareWish, "rehearsal"> | undefined> {
    const { shares } = planMounts(spec.mounts, { smallFile: () => ({ content: Buffer.alloc(0), mode: 0 }) });
    if (shares.length > 0) return undefined;
    const kernel = await findKernel(annotation(spec, "kernel"));
    const { kind } = needsProbe() ? await probeAcceleration(kernel) : knownAcceleration();
    const shape = planShape(spec, { shared: false, acceleration: kind });
    const domain = annotation(spec, "domain") ?? defaultDomain;
    const templateWish = { directory: this.#options.templates, shape, kernel, domain, user: machineUser };
    const template = findTemplate(templateWish) ?? (await makeTemplate(templateWish));
    const image = annotation(spec, "image")!;
    return { key: spareKey(template.key, image), shape, kernel, template, image };
  }
}

function availableMemory(): number {
  const line = /^MemAvailable:\s+(\d+) kB$/m.exec(readFileSync("/proc/meminfo", "utf8"));
  return Number(line?.[1] ?? 0) * 1024;
}
