import { appendFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { contentContract } from "../../../core/content.contract.ts";
import { createFilesContent } from "./files-content.ts";

contentContract("files", () => {
  const directory = mkdtempSync(join(tmpdir(), "isle-content-"));
  return {
    store: createFilesContent(directory),
    damage: (path) => appendFileSync(path, "x"),
    close: () => rmSync(directory, { recursive: true }),
  };
});
