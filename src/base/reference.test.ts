import { describe, expect, test } from "bun:test";
import { familiarReference, formatReference, parseReference, withDefaultTag } from "./reference.ts";

const digest = `sha256:${"a".repeat(64)}`;

describe("image names", () => {
  const rows: Array<[string, string, string]> = [
    ["busybox", "docker.io/library/busybox:latest", "busybox:latest"],
    ["user/app:1", "docker.io/user/app:1", "user/app:1"],
    ["localhost/app", "localhost/app:latest", "localhost/app:latest"],
    ["reg.example:5000/a/b:t", "reg.example:5000/a/b:t", "reg.example:5000/a/b:t"],
    ["index.docker.io/library/x", "docker.io/library/x:latest", "x:latest"],
    [`app@${digest}`, `docker.io/library/app@${digest}`, `app@${digest}`],
  ];
  for (const [text, full, familiar] of rows) {
    test(`${text} is ${full}`, () => {
      const reference = withDefaultTag(parseReference(text));
      expect(formatReference(reference)).toBe(full);
      expect(familiarReference(reference)).toBe(familiar);
    });
  }
  for (const text of ["", "a//b", "-a", "a:b:c/", "a@sha256:12", "../x", "a:", "a b"]) {
    test(`"${text}" is refused`, () => expect(() => parseReference(text)).toThrow("invalid reference format"));
  }
  test("upper case in a path is told as such", () => {
    expect(() => parseReference("Busybox")).toThrow("must be lowercase");
  });
});
