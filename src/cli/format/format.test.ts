import { expect, test } from "bun:test";
import { ago, ellipsis, humanDuration } from "./human.ts";
import { formatList } from "./list.ts";
import { formatPorts } from "./ports.ts";
import { formatTable } from "./table.ts";
import { wrap } from "./wrap.ts";

test("columns are as wide as their widest cell and three spaces, ten at least", () => {
  expect(
    formatTable([
      ["A", "LONG HEADER", "C"],
      ["1", "x", "last is not padded"],
    ]),
  ).toBe("A         LONG HEADER   C\n1         x             last is not padded\n");
});

test("a cell counts signs, not bytes", () => {
  expect(
    formatTable([
      ["äöü…123456", "x"],
      ["", "y"],
    ]),
  ).toBe("äöü…123456   x\n             y\n");
});

const durations: readonly (readonly [seconds: number, text: string])[] = [
  [0.5, "Less than a second"],
  [1, "1 second"],
  [59, "59 seconds"],
  [60, "About a minute"],
  [150, "2 minutes"],
  [3600, "About an hour"],
  [47 * 3600, "47 hours"],
  [48 * 3600, "2 days"],
  [15 * 86400, "2 weeks"],
  [61 * 86400, "2 months"],
  [800 * 86400, "2 years"],
];

for (const [seconds, text] of durations) {
  test(`${seconds} seconds are "${text}"`, () => {
    expect(humanDuration(seconds)).toBe(text);
  });
}

test("a moment is told by how long ago it was", () => {
  expect(ago(Date.now() / 1000 - 120.5)).toBe("2 minutes ago");
});

test("long texts end in an ellipsis", () => {
  expect(ellipsis("abcdef", 4)).toBe("abc…");
  expect(ellipsis("abcd", 4)).toBe("abcd");
});

test("neighbouring ports are joined, mapped ones come last", () => {
  const port = (PrivatePort: number, Type: "tcp" | "udp", PublicPort?: number, IP?: string) => ({
    PrivatePort,
    Type,
    ...(PublicPort !== undefined && { PublicPort }),
    ...(IP !== undefined && { IP }),
  });
  const ports = [
    port(80, "tcp", 8080, "0.0.0.0"),
    port(90, "udp", 90, "::"),
    port(91, "udp", 91, "::"),
    port(7, "tcp"),
    port(8, "tcp"),
    port(10, "tcp"),
  ];
  expect(formatPorts(ports)).toBe("7-8/tcp, 10/tcp, [::]:90-91->90-91/udp, 0.0.0.0:8080->80/tcp");
});

const fields = {
  ID: { header: "THE ID", value: ({ id }: { id: string }) => id },
  Name: { header: "NAME", value: ({ name }: { name: string }) => name },
};
const items = [
  { id: "1", name: "a<b" },
  { id: "2", name: "b" },
];
const list = (format: string) => formatList(items, { fields, columns: ["ID", "Name"], format });

test("a list is a table, JSON lines or a template a line", async () => {
  expect(await list("")).toBe("THE ID    NAME\n1         a<b\n2         b\n");
  expect(await list("json")).toBe('{"ID":"1","Name":"a\\u003cb"}\n{"ID":"2","Name":"b"}\n');
  expect(await list("{{.Name}}-{{.ID}}")).toBe("a<b-1\nb-2\n");
  expect(await list("table {{.Name}}\\t{{.ID}}")).toBe("NAME      THE ID\na<b       1\nb         2\n");
});

test("a template that names no column is refused", async () => {
  await expect(list("{{.Nosuch}}")).rejects.toThrow("failed to execute template");
  await expect(list("{{.ID")).rejects.toThrow("failed to parse template: template: :1: unclosed action");
});

test("text is wrapped between words", () => {
  expect(wrap("one two three", 7)).toEqual(["one two", "three"]);
});
