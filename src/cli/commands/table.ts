import type { Command } from "../command.ts";

export interface CommandEntry {
  /** Every name it has; the first is the one it is listed under. */
  readonly paths: readonly string[];
  /** Only the command that runs is loaded. */
  load(): Promise<Command>;
}

/** Every command. */
export const commandTable: readonly CommandEntry[] = [
  { paths: ["run", "container run"], load: async () => (await import("./run.ts")).run },
  { paths: ["create", "container create"], load: async () => (await import("./create.ts")).create },
  { paths: ["exec", "container exec"], load: async () => (await import("./exec.ts")).exec },
  { paths: ["ps", "container ls", "container list", "container ps"], load: async () => (await import("./ps.ts")).ps },
  { paths: ["rm", "container rm", "container remove"], load: async () => (await import("./rm.ts")).rm },
  { paths: ["logs", "container logs"], load: async () => (await import("./logs.ts")).logs },
  { paths: ["images", "image ls", "image list"], load: async () => (await import("./images.ts")).images },
  { paths: ["pull", "image pull"], load: async () => (await import("./pull.ts")).pull },
  { paths: ["load", "image load"], load: async () => (await import("./load.ts")).load },
  { paths: ["import", "image import"], load: async () => (await import("./import.ts")).importArchive },
  { paths: ["version"], load: async () => (await import("./version.ts")).version },
  { paths: ["info", "system info"], load: async () => (await import("./info.ts")).info },
];
