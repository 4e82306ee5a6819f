import type { ImageRunConfig } from "./image.ts";

/** Root file systems made from a distribution's signed packages: images without any registry. */
export interface BaseSystemBuilder {
  /** Names that `build` takes, such as `debian:bookworm`. */
  readonly names: readonly string[];
  /**
   * Starts building. Fails with invalid for an unknown name, with unavailable when a program or package that is
   * needed is missing; the hint then is the command that installs it.
   */
  build(request: BaseSystemRequest): Promise<BaseSystem>;
}

export interface BaseSystemRequest {
  readonly name: string;
  /** Installed beyond the least; names as the distribution has them. */
  readonly packages: readonly string[];
  /** Time stamps of the files do not go beyond it; the same date and packages give the same bytes. */
  readonly date: Date;
  /** Told what goes on, a line at a time. */
  readonly onLine: (line: string) => void;
  readonly signal?: AbortSignal | undefined;
}

export interface BaseSystem {
  readonly config: ImageRunConfig;
  /** The root as plain tar; throws when building fails. Read it once, to its end. */
  readonly tar: AsyncIterable<Uint8Array>;
}
