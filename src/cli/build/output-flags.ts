const wishPattern = /^(true|false|[a-z-]+=.*)$/;

/** Flags of `isle build` for what becomes of the result. */
export const outputFlags = {
  annotation: {
    type: "list",
    help: "A word about the image in its manifest; LEVEL is manifest, index, or either with -descriptor",
    value: "[LEVEL[PLATFORM]:]key=value",
  },
  attest: { type: "list", help: "Tell of the build beside the image: sbom or provenance", value: "type=TYPE,…" },
  "cache-from": { type: "list", help: "Take steps from a cache of another engine", value: "type=TYPE,…" },
  "cache-to": { type: "list", help: "Put the steps into a cache for other engines", value: "type=TYPE,…" },
  iidfile: { type: "string", help: "Write the image's id to this file", value: "file" },
  load: { type: "bool", help: "Short for --output type=docker: the image goes to the engine's store" },
  "metadata-file": { type: "string", help: "Write what the outputs tell of the result to this file", value: "file" },
  output: { type: "list", short: "o", help: "Where the result goes", value: "type=TYPE,dest=PATH" },
  provenance: {
    type: "string",
    help: "Short for --attest type=provenance: how the image came to be",
    value: "mode=min|max",
    bare: { value: "true", looks: wishPattern },
  },
  push: { type: "bool", help: "Short for --output type=registry: the image goes to its registry, too" },
  sbom: {
    type: "string",
    help: "Short for --attest type=sbom: which packages are in the image",
    value: "bool",
    bare: { value: "true", looks: wishPattern },
  },
} as const;
