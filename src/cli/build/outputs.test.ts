import { expect, test } from "bun:test";
import { type Output, readOutputs } from "./outputs.ts";

const read = (
  output: readonly string[],
  more: { push?: boolean; load?: boolean; terminal?: boolean; annotation?: string[] } = {},
): Output[] =>
  readOutputs(
    { output, push: more.push ?? false, load: more.load ?? false, annotation: more.annotation ?? [] },
    { terminal: more.terminal ?? false },
  );

const file = (path: string) => ({ kind: "file", path }) as const;
const cases: ReadonlyArray<
  readonly [text: string, type: string, target: Output["target"], attributes?: Output["attributes"]]
> = [
  ["out", "local", { kind: "directory", path: "out" }],
  ["-", "tar", file("-")],
  ["type=local,dest=out", "local", { kind: "directory", path: "out" }],
  ["type=tar", "tar", file("-")],
  ["type=tar,dest=a.tar,platform-split=false", "tar", file("a.tar"), { "platform-split": "false" }],
  ["type=oci,dest=a.tar,name=x", "oci", file("a.tar"), { name: "x" }],
  ["type=oci,tar=false,dest=out", "oci", { kind: "layout", path: "out" }, { tar: "false" }],
  ["type=docker", "image", undefined],
  ["type=docker,dest=-", "docker", file("-")],
  ['"type=image","name=a,b",push=true', "image", undefined, { name: "a,b", push: "true" }],
  ["type=registry", "registry", undefined],
];
for (const [text, type, target, attributes = {}] of cases) {
  test(`${text} is understood`, () => expect(read([text])).toEqual([{ type, attributes, target }]));
}

test("--push and --load add to the outputs what they do not have yet", () => {
  const types = (...args: Parameters<typeof read>) =>
    read(...args).map(({ type, attributes }) => [type, attributes["push"]]);
  expect(types([], { push: true })).toEqual([["registry", undefined]]);
  expect(types([], { load: true })).toEqual([["image", undefined]]);
  expect(types([], { push: true, load: true })).toEqual([["registry", undefined]]);
  expect(types(["type=image"], { push: true })).toEqual([["image", "true"]]);
  expect(types(["out"], { push: true, load: true })).toEqual([
    ["local", undefined],
    ["registry", undefined],
  ]);
  expect(types(["type=docker"], { load: true })).toEqual([["image", undefined]]);
});

test("nothing is poured over a terminal, nor two archives into one stream", () => {
  expect(() => read(["-"], { terminal: true })).toThrow("dest file is required for tar exporter");
  expect(() => read(["type=tar", "type=oci"])).toThrow("multiple outputs configured to write to stdout");
  expect(() => read(["type=image,dest=x"])).toThrow("dest is not a setting of the output image");
  expect(() => read(["type=local,dest"])).toThrow("want name=value");
});

test("annotations go to every image, the one in the store where there is no other output", () => {
  const annotation = ["a=1"];
  const attributes = { "annotation.a": "1" };
  expect(read([], { annotation })).toEqual([{ type: "image", attributes, target: undefined }]);
  expect(read(["type=oci,dest=a.tar", "out"], { annotation }).map((each) => each.attributes)).toEqual([attributes, {}]);
  expect(() => read(["out"], { annotation })).toThrow("annotations are of images");
});
