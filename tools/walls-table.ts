/** A room of src/ and what its files may import. */
export interface Room {
  /** Rooms, or directories of rooms, whose values and types may be imported. */
  readonly may: readonly string[];
  /** Rooms, or directories of rooms, of which only types may be imported. */
  readonly mayTypes?: readonly string[];
  /** Computes and holds no resources: of Node only the modules of `pureModules`. */
  readonly pure?: boolean;
  /** Directories `<kind>/<name>` in it never import one another. */
  readonly strangers?: boolean;
  /** May use `Bun` and `bun:*`, and start programs. */
  readonly touchesSystem?: boolean;
}

/** The walls: docs/architecture.md gives the reasons. Files directly in src/, tests and tools are free. */
export const rooms: Readonly<Record<string, Room>> = {
  base: { may: [], pure: true },
  api: { may: ["base"], pure: true },
  core: { may: ["base"], mayTypes: ["api/generated"], pure: true },
  os: { may: ["base"], touchesSystem: true },
  vm: { may: ["core", "os", "base"], touchesSystem: true },
  drivers: { may: ["vm", "core", "os", "base"], mayTypes: ["api/generated"], strangers: true, touchesSystem: true },
  engine: { may: ["core", "base"], mayTypes: ["api/generated"] },
  server: { may: ["engine", "api", "core", "base"] },
  client: { may: ["api", "base"] },
  cli: { may: ["client", "api", "base"] },
  doctor: { may: ["os", "base"] },
  daemon: { may: ["base", "api", "core", "os", "vm", "drivers", "engine", "server"] },
};

export const pureModules: readonly string[] = ["node:buffer", "node:crypto", "node:path", "node:stream", "node:util"];
