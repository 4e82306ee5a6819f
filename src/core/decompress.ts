/** Compressions that take a program of the machine. */
export type ProgramCompression = "xz" | "bzip2";

/**
 * The plain bytes of a compressed stream. Fails with invalid for a broken one, unavailable without the program; stops it when
 * no more is read.
 */
export type Decompress = (
  compression: ProgramCompression,
  source: AsyncIterable<Uint8Array>,
) => AsyncGenerator<Uint8Array, void>;
