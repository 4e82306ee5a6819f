import { expect, test } from "bun:test";
import { parseDockerfile } from "./dockerfile.ts";
import type { Instruction } from "./instruction.ts";

const parse = (text: string) => parseDockerfile({ name: "Dockerfile", text });
const bodies = (text: string) =>
  parse(`FROM scratch\n${text}`).stages[0]!.instructions.map(
    ({ lines: _lines, written: _written, raw: _raw, ...body }: Instruction) => body,
  );

test("directives, global arguments and stages are told apart", () => {
  const { directives, globalArgs, stages } = parse(
    "# syntax=docker/dockerfile:1\n# escape=`\n\nARG base=debian tag\nFROM --platform=linux/amd64 $base AS Build\nRUN a `\n  b\nFROM build\n",
  );
  expect(directives).toEqual({ syntax: "docker/dockerfile:1", escape: "`" });
  expect(globalArgs[0]?.args).toEqual([{ name: "base", value: "debian" }, { name: "tag" }]);
  expect(stages.map(({ name, from }) => [name, from.image, from.platform])).toEqual([
    ["build", "$base", "linux/amd64"],
    [undefined, "build", undefined],
  ]);
  expect(stages[0]?.instructions[0]).toMatchObject({
    command: { form: "shell", text: "a   b" },
    lines: { first: 6, last: 7 },
  });
});

test("continued lines lose comments and empty lines in between", () => {
  expect(bodies("RUN one \\\n# why\n\n  two \\\n  three")).toEqual([
    {
      kind: "run",
      command: { form: "shell", text: "one   two   three", heredocs: [] },
      mounts: [],
      network: undefined,
      security: undefined,
    },
  ]);
});

test("heredocs belong to their instruction", () => {
  const [run, copy, next] = bodies(
    "RUN <<-EOF\n\techo $x\n\tEOF\nCOPY <<one <<'two' /dir/\n1\none\n2 $x\ntwo\nUSER me",
  );
  expect(run).toMatchObject({ command: { heredocs: [{ name: "EOF", content: "echo $x\n", expands: true }] } });
  expect(copy).toMatchObject({
    sources: [],
    target: "/dir/",
    documents: [
      { name: "one", content: "1\n", expands: true },
      { name: "two", content: "2 $x\n", expands: false },
    ],
  });
  expect(next).toEqual({ kind: "user", text: "me" });
});

test("flags, JSON forms and pairs are read", () => {
  const [copy, env, old, label, cmd, volume, check] = bodies(
    [
      "COPY --from=build --chown=1:2 --exclude=*.md --exclude=*.txt --link a b /to/",
      'ENV a=1 b="x y" c=\\$d',
      "ENV old all of it",
      'LABEL "the name"="the value"',
      'CMD ["a", "b c"]',
      "VOLUME /a /b",
      "HEALTHCHECK --interval=5s --retries=3 CMD curl -f http://localhost/",
    ].join("\n"),
  );
  expect(copy).toMatchObject({
    from: "build",
    chown: "1:2",
    excludes: ["*.md", "*.txt"],
    link: true,
    sources: ["a", "b"],
  });
  expect(env).toMatchObject({
    pairs: [
      ["a", "1"],
      ["b", '"x y"'],
      ["c", "\\$d"],
    ],
  });
  expect(old).toMatchObject({ pairs: [["old", "all of it"]] });
  expect(label).toMatchObject({ pairs: [['"the name"', '"the value"']] });
  expect(cmd).toEqual({ kind: "cmd", command: { form: "exec", words: ["a", "b c"] } });
  expect(volume).toEqual({ kind: "volume", words: ["/a", "/b"] });
  expect(check).toEqual({
    kind: "healthcheck",
    check: { Test: ["CMD-SHELL", "curl -f http://localhost/"], Interval: 5e9, Retries: 3 },
  });
});

const faults: ReadonlyArray<readonly [text: string, why: string]> = [
  ["", "file with no instructions"],
  ["RUN true", "no build stage in current context"],
  ["FROM a b", "FROM requires either one or three arguments"],
  ["FROM a\nFETCH x", "unknown instruction: FETCH"],
  ["FROM a\nRUM x", "unknown instruction: RUM (did you mean RUN?)"],
  ["FROM a\nCOPY --form=x a b", "unknown flag: --form"],
  ["FROM a\nCOPY a", "COPY requires at least two arguments"],
  ["FROM a\nENV a", "ENV must have two arguments"],
  ["FROM a\nRUN <<EOF\nx", "unterminated heredoc EOF"],
  ["FROM a\nADD", "ADD requires at least two arguments"],
  ["FROM a\nUSER", "USER requires exactly one argument"],
  ["FROM a\nHEALTHCHECK --interval=0.5ms CMD b", 'Interval "interval" cannot be less than 1ms'],
  ["FROM a\nHEALTHCHECK --retries=-1 CMD b", "--retries cannot be negative (-1)"],
  ["FROM a\nHEALTHCHECK b", 'Unknown type "B" in HEALTHCHECK'],
  ["FROM a\nSHELL sh -c", "SHELL requires the arguments to be in JSON form"],
  ["FROM a\nONBUILD FROM b", "FROM isn't allowed as an ONBUILD trigger"],
  ["FROM a\nHEALTHCHECK CMD", "Missing command after HEALTHCHECK CMD"],
  ["# escape=x\nFROM a", "invalid ESCAPE"],
];
for (const [text, why] of faults)
  test(`${JSON.stringify(text)} is refused: ${why}`, () => expect(() => parse(text)).toThrow(why));

test("a fault shows its line", () => {
  expect(() => parse("FROM a\n\nRUM x\nUSER b")).toThrow(
    /on line 3: unknown instruction: RUM \(did you mean RUN\?\)\nDockerfile:3\n-+\n {3}1 \| {5}FROM a\n {3}2 \|\n {3}3 \| >>> RUM x\n {3}4 \| {5}USER b\n-+/,
  );
});
