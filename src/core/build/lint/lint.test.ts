import { expect, test } from "bun:test";
import { checkCorpus } from "../../../../test/compat/check-corpus.ts";
import { checkFindings } from "../../../../test/compat/check-findings.ts";
import { readPatterns } from "../../../base/dockerignore.ts";
import { parseDockerfile } from "../dockerfile.ts";
import { planBuild } from "../plan.ts";
import { lint, lintText } from "./lint.ts";
import { lintRules, urlOfRule } from "./rules.ts";

const platform = new Map(
  ["PLATFORM", "OS", "ARCH", "VARIANT"].flatMap((name) => [
    [`TARGET${name}`, "linux"],
    [`BUILD${name}`, "linux"],
  ]),
);

const flagOf = (flags: readonly string[] | undefined, name: string): string | undefined =>
  flags?.[flags.indexOf(name) + 1] ?? undefined;

for (const { name, dockerfile: text, files, flags } of checkCorpus) {
  const found = (checkFindings[name] ?? []).filter((each) => !each.startsWith("ERROR"));
  // What the build itself refuses is held against the whole engine.
  if (found.length < (checkFindings[name] ?? []).length && found.length === 0) continue;
  test(`${name}: the linter finds what BuildKit's finds`, () => {
    const dockerfile = parseDockerfile({ name: "Dockerfile", text });
    const given = flags?.includes("--build-arg") ? (flagOf(flags, "--build-arg") ?? "").split(/=(.*)/s, 2) : [];
    const target = flags?.includes("--target") ? (flagOf(flags, "--target") ?? "") : "";
    const bases = new Map(dockerfile.stages.map(({ index, from }) => [index, from.image]));
    const globals = dockerfile.globalArgs.flatMap(({ args }) =>
      args.flatMap(({ name, value }) => (value === undefined ? [] : [[name, value] as const])),
    );
    const { warnings } = lint({
      dockerfile,
      stages: target === "" ? dockerfile.stages : planBuild(dockerfile, target, { bases, isNamed: () => false }).stages,
      globals: new Map(globals),
      args: new Map(given.length === 2 ? [given as [string, string]] : []),
      platform,
      bases,
      configOf: () => ({}),
      ignored: readPatterns(String(files?.[".dockerignore"] ?? "")),
    });
    const shown = warnings.map(({ rule, detail, lines }) => `${lines.first}-${lines.last} ${rule}: ${detail}`);
    expect(shown.sort(byLine)).toEqual(found.toSorted(byLine));
  });
}

function byLine(a: string, b: string): number {
  return Number.parseInt(a, 10) - Number.parseInt(b, 10) || (a < b ? -1 : 1);
}

test("every rule of the linter is found somewhere in the corpus", () => {
  const all = JSON.stringify(checkFindings);
  expect(Object.keys(lintRules).filter((rule) => !all.includes(` ${rule}: `))).toEqual([]);
});

test("a rule has its page, and a finding shows its lines", () => {
  expect(urlOfRule("JSONArgsRecommended")).toBe("https://docs.docker.com/go/dockerfile/rule/json-args-recommended/");
  const lines = { first: 2, last: 2 };
  const warning = { rule: "WorkdirRelativePath", url: "u", description: "", detail: "d", lines } as const;
  expect(lintText({ name: "Dockerfile", text: "FROM a\nWORKDIR x\n" }, [warning])).toBe(
    "\nWARNING: WorkdirRelativePath - u\nd\nDockerfile:2\n--------------------\n   1 |     FROM a\n   2 | >>> WORKDIR x\n   3 |     \n--------------------\n",
  );
});
