/** Keeps files short enough to be read in one go. */
import { globSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";

const root = dirname(import.meta.dirname);
const limit = 400;
const files = globSync("{src,test,tools}/**/*.ts", { cwd: root }).filter((file) => !file.includes("/generated/"));
const long = files
  .map((file) => ({ file, lines: readFileSync(join(root, file), "utf8").split("\n").length - 1 }))
  .filter(({ lines }) => lines > limit);
for (const { file, lines } of long) console.log(`${file}: ${lines} lines, at most ${limit}`);
process.exit(long.length === 0 ? 0 : 1);
