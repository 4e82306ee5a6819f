import { expect, test } from "bun:test";
import type { FlagTable } from "./flag.ts";
import { HelpAsked, parseFlags } from "./parse-flags.ts";

const table = {
  all: { type: "bool", short: "a", help: "" },
  interactive: { type: "bool", short: "i", help: "" },
  name: { type: "string", short: "n", help: "" },
  env: { type: "list", short: "e", help: "" },
  subnet: { type: "strings", help: "" },
  opt: { type: "map", short: "o", help: "" },
  memory: { type: "bytes", short: "m", help: "" },
  last: { type: "int", default: -1, help: "" },
  wait: { type: "duration", help: "" },
  proxy: { type: "bool", default: true, help: "" },
  cpus: { type: "decimal", help: "" },
} as const satisfies FlagTable;

const parse = (line: string, flagsFirst = false) => parseFlags(table, line.split(" "), { flagsFirst });

test("flags may stand anywhere unless they must come first", () => {
  const { values, args } = parse("x -a y --name z w");
  expect([values.all, values.name, args]).toEqual([true, "z", ["x", "y", "w"]]);
  expect(parse("-a image -i --name z", true).args).toEqual(["image", "-i", "--name", "z"]);
});

test("short flags bundle, and the first that takes a value takes the rest", () => {
  expect(parse("-aiee=1").values).toMatchObject({ all: true, interactive: true, env: ["e=1"] });
  expect(parse("-n=x").values.name).toBe("x");
  expect(parse("-nx").values.name).toBe("x");
  expect(parse("-ain x").values).toMatchObject({ all: true, interactive: true, name: "x" });
  expect(parse("-a=false").values.all).toBe(false);
});

test("values are read by type", () => {
  expect(parse("--memory 1k --last 5 --wait 1m30s --cpus 1.5").values).toMatchObject({
    memory: 1024,
    last: 5,
    wait: 90e9,
    cpus: "1.5",
  });
  expect(parse("-e a,b -e c --subnet x,y --subnet z -o k=v=w -o q").values).toMatchObject({
    env: ["a,b", "c"],
    subnet: ["x", "y", "z"],
    opt: { k: "v=w", q: "" },
  });
});

test("flags that were not written have their defaults and are not changed", () => {
  const { values, changed } = parse("--proxy=false");
  expect(values).toMatchObject({ last: -1, proxy: false, all: false, env: [], opt: {} });
  expect([...changed]).toEqual(["proxy"]);
});

test("after -- everything is an argument", () => {
  expect(parse("-- -a --name").args).toEqual(["-a", "--name"]);
});

const mistakes = [
  ["--nosuch", "unknown flag: --nosuch"],
  ["-aZ", "unknown shorthand flag: 'Z' in -Z"],
  ["--name", "flag needs an argument: --name"],
  ["-an", "flag needs an argument: 'n' in -n"],
  ["-m abc", `invalid argument "abc" for "-m, --memory" flag: invalid size: 'abc'`],
  ["--last x", `invalid argument "x" for "--last" flag: strconv.ParseInt: parsing "x": invalid syntax`],
  ["--all=maybe", `invalid argument "maybe" for "-a, --all" flag: strconv.ParseBool: parsing "maybe": invalid syntax`],
  ["--=x", "bad flag syntax: --=x"],
] as const;

for (const [line, message] of mistakes) {
  test(`${line} is refused with its reason`, () => {
    expect(() => parse(line)).toThrow(message);
  });
}

test("a flag named like a member of every object is unknown", () => {
  expect(() => parse("--constructor")).toThrow("unknown flag: --constructor");
});

test("--help asks for the help, and -h does unless it is a flag", () => {
  expect(() => parse("--help")).toThrow(HelpAsked);
  expect(() => parse("-h")).toThrow(HelpAsked);
});
