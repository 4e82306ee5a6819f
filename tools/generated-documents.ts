import { cliReference } from "../src/cli/cli-reference.ts";
import { apiCoverage } from "./api-coverage.ts";
import { generateApi, requestShapesFile, shapesFile, typesFile } from "./generate-api.ts";
import { protocolHeader, protocolHeaderFile, protocolTypes, protocolTypesFile } from "./generate-protocol.ts";

const api = generateApi();

interface GeneratedDocument {
  /** Path in the repository. */
  readonly file: string;
  /** The whole text as the code stands; undefined when what it is made from is not on this machine. */
  readonly generate: () => Promise<string | undefined>;
}

/** Files that are made from the code or from the API's specification. tools/docs.ts writes them and refuses stale ones. */
export const generatedDocuments: readonly GeneratedDocument[] = [
  ...[typesFile, requestShapesFile, shapesFile].map((file) => ({ file, generate: async () => api?.[file] })),
  { file: protocolTypesFile, generate: async () => protocolTypes() },
  { file: protocolHeaderFile, generate: async () => protocolHeader() },
  { file: "docs/cli.md", generate: cliReference },
  { file: "docs/api-coverage.md", generate: async () => apiCoverage() },
];
