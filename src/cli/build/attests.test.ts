import { expect, test } from "bun:test";
import { parseFlags } from "../flags/parse-flags.ts";
import { readAttests } from "./attests.ts";
import { outputFlags } from "./output-flags.ts";

const read = (...argv: string[]) => {
  const { values, args } = parseFlags(outputFlags, argv);
  return [readAttests(values), args];
};

test("the short flags take a value that looks like one, and no path", () => {
  expect(read("--sbom", ".")).toEqual([{ sbom: "" }, ["."]]);
  expect(read("--sbom=true", "--provenance", "mode=max", "dir")).toEqual([
    { sbom: "", provenance: "mode=max" },
    ["dir"],
  ]);
  expect(read("--provenance", "false", "--sbom")).toEqual([{ provenance: "disabled=true", sbom: "" }, []]);
});

test("--attest names the type, and the short flags go before it", () => {
  const long = ["--attest", "type=provenance,mode=min", "--attest=type=sbom"];
  expect(read(...long, ".")).toEqual([{ provenance: "mode=min", sbom: "" }, ["."]]);
  expect(read(...long, "--provenance=mode=max")[0]).toEqual({ provenance: "mode=max", sbom: "" });
  expect(() => read("--attest", "mode=max")).toThrow("attestation type not specified");
});
