export type Compression = "none" | "gzip" | "zstd" | "xz" | "bzip2";

/** How a stream is compressed, by its first six bytes. */
export function sniffCompression(head: Uint8Array): Compression {
  const hex = Buffer.from(head.subarray(0, 6)).toString("hex");
  if (hex.startsWith("1f8b08")) return "gzip";
  if (hex.startsWith("28b52ffd") || /^5.2a4d18/.test(hex)) return "zstd";
  if (hex.startsWith("fd377a585a00")) return "xz";
  return hex.startsWith("425a68") ? "bzip2" : "none";
}
