import { expect, test } from "bun:test";
import { indentJson } from "./indent-json.ts";

test("JSON is spread over lines, four spaces a level", () => {
  expect(indentJson('{"a":[1,{"b":"x, {y}: \\"z\\""}],"c":{},"d":[ ]}')).toBe(
    '{\n    "a": [\n        1,\n        {\n            "b": "x, {y}: \\"z\\""\n        }\n    ],\n    "c": {},\n    "d": []\n}',
  );
});

test("large numbers keep every digit", () => {
  expect(indentJson('{"n":9223372036854775807}', 1)).toBe('{\n        "n": 9223372036854775807\n    }');
});
