import { expect, test } from "bun:test";
import { parseDockerfile } from "../../../core/build/dockerfile.ts";
import { expandWord } from "../../../core/build/expand.ts";
import { scanDockerfile } from "./scan-image.ts";

const generator = { image: "scanner", settings: { MODE: 'a "b" $C \\ `d`', OTHER: "" } };

test("a generator is run with what it is told, and nothing of it is read as a Dockerfile", () => {
  const words = ["sh", "-c", 'echo "$HOME"\nRUN evil', "#"];
  const text = scanDockerfile(generator, { Entrypoint: words.slice(0, 2), Cmd: words.slice(2) }, ["sbom-b"]);
  const { stages } = parseDockerfile({ name: "generator", text });
  const { instructions } = stages[0]!;
  const variables = new Map(
    instructions.flatMap((each) =>
      each.kind === "env"
        ? each.pairs.map(([name, value]) => [name, expandWord(value, new Map(), { escapeChar: "\\" })] as const)
        : [],
    ),
  );
  expect(Object.fromEntries(variables)).toEqual({
    BUILDKIT_SCAN_SOURCE: "/run/src/core/sbom",
    BUILDKIT_SCAN_SOURCE_EXTRAS: "/run/src/extras/",
    BUILDKIT_SCAN_DESTINATION: "/run/out/",
    BUILDKIT_SCAN_MODE: generator.settings.MODE,
    BUILDKIT_SCAN_OTHER: "",
  });
  const runs = instructions.flatMap((each) => (each.kind === "run" ? [each] : []));
  expect(runs).toHaveLength(1);
  expect(runs[0]).toMatchObject({ network: "none", command: { form: "exec", words } });
});

test("a generator without a command is refused", () => {
  expect(() => scanDockerfile(generator, {}, [])).toThrow("neither an entrypoint nor a command");
});
