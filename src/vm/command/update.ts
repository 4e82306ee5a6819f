import { readFileSync } from "node:fs";
import { invalid } from "../../base/error.ts";
import type { OciResources } from "../../core/oci-spec.ts";
import type { CommandLine } from "../command-line.ts";
import { updateLimits } from "../control.ts";

export async function updateCommand({ root, words, options }: CommandLine): Promise<void> {
  const file = options["resources"];
  if (!file) throw invalid("update needs --resources FILE, - for standard input");
  const text = readFileSync(file === "-" ? 0 : String(file), "utf8");
  await updateLimits(root, words[0] ?? "", JSON.parse(text) as OciResources);
}
