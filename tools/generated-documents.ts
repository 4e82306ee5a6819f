import { cliReference } from "../src/cli/cli-reference.ts";
import { apiCoverage } from "./api-coverage.ts";

interface GeneratedDocument {
  /** Path in the repository. */
  readonly file: string;
  /** The whole text as the code stands; undefined when what it is made from is not on this machine. */
  readonly generate: () => Promise<string | undefined>;
}

/** Documents that are made from the code. tools/docs.ts writes them and refuses stale ones. */
export const generatedDocuments: readonly GeneratedDocument[] = [
  { file: "docs/cli.md", generate: cliReference },
  { file: "docs/api-coverage.md", generate: async () => apiCoverage() },
];
