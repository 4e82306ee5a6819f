import { expect, test } from "bun:test";
import { readAnnotations } from "./annotations.ts";

const read: ReadonlyArray<readonly [text: string, attributes: Record<string, string>]> = [
  ["a=1", { "annotation.a": "1" }],
  ["a.b/c=x=y, z", { "annotation.a.b/c": "x=y, z" }],
  ["manifest:a=", { "annotation-manifest.a": "" }],
  ["index,manifest-descriptor:a=1", { "annotation-index.a": "1", "annotation-manifest-descriptor.a": "1" }],
  ["manifest[linux/arm/v7]:a=1", { "annotation-manifest[linux/arm/v7].a": "1" }],
];
for (const [text, attributes] of read) {
  test(`the annotation ${text} is an attribute of the output`, () =>
    expect(readAnnotations([text])).toEqual(attributes));
}

const refused: ReadonlyArray<readonly [text: string, message: string]> = [
  ["a", 'invalid annotation "a", expected key=value'],
  ["what:a=1", 'unknown annotation type "what"'],
  ["org.x:y=1", 'invalid annotation type "org.x", expected type and optional platform in square brackets'],
  ["manifest[bad/pl/at/form]:a=1", 'invalid platform "bad/pl/at/form"'],
];
for (const [text, message] of refused) {
  test(`the annotation ${text} is refused`, () => expect(() => readAnnotations([text])).toThrow(message));
}

test("the last of a key counts", () => expect(readAnnotations(["a=1", "", "a=2"])).toEqual({ "annotation.a": "2" }));
