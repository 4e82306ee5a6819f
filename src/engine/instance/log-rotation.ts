import { parseBytes } from "../../base/size.ts";
import type { InstanceRecord } from "../../core/instance.ts";
import type { LogRotation } from "../../core/log.ts";
import type { InstanceDeps } from "./deps.ts";
import { runtimeOf } from "./find.ts";

/** A log nobody may read is kept only for those attached, and stays small. */
const unreadLog: LogRotation = { maxBytes: 16 << 20, maxFiles: 1 };

/** What the log options ask for; undefined for a log that grows without bound, Docker's default. */
export function rotationOf({ host }: InstanceRecord): LogRotation | undefined {
  const { Type: type, Config: options } = host.LogConfig ?? {};
  if (type === "none") return unreadLog;
  const byDefault = type === "local" ? { size: "20m", files: "5" } : { size: undefined, files: "1" };
  const size = options?.["max-size"] ?? byDefault.size;
  if (!size || size === "-1") return undefined;
  return { maxBytes: parseBytes(size), maxFiles: Number(options?.["max-file"] ?? byDefault.files) };
}

/** Rotates the logs of running instances that ask for it; others cost nothing. */
export class LogRotations {
  readonly #watched = new Map<string, () => void>();

  watch(deps: InstanceDeps, record: InstanceRecord): void {
    const rotation = rotationOf(record);
    if (!rotation) return;
    this.unwatch(record.id);
    const path = deps.settings.paths.log(record.id);
    const off = deps.logs.watchGrowth(path, (sizeBytes) => {
      if (sizeBytes < rotation.maxBytes) return;
      if (deps.logs.rotate(path, rotation)) runtimeOf(deps, record).reopenLog(record.id);
    });
    this.#watched.set(record.id, off);
  }

  unwatch(id: string): void {
    this.#watched.get(id)?.();
    this.#watched.delete(id);
  }

  close(): void {
    for (const id of [...this.#watched.keys()]) this.unwatch(id);
  }
}
