import { describe, expect, test } from "bun:test";
import { resolveUser } from "./user.ts";

const files = {
  passwd: "root:x:0:0:root:/root:/bin/sh\nweb:x:33:33:web:/var/www:/bin/false\n1000:x:77:77::/odd:/bin/sh\n",
  group: "root:x:0:\nwheel:x:10:root,web\nweb:x:33:\nvideo:x:44:\n",
};

describe("the user of a process", () => {
  const rows: Array<[string, string[], object]> = [
    ["", [], { uid: 0, gid: 0, additionalGids: [10], home: "/root" }],
    ["web", [], { uid: 33, gid: 33, additionalGids: [10], home: "/var/www" }],
    ["33", [], { uid: 33, gid: 33, additionalGids: [10], home: "/var/www" }],
    ["web:video", [], { uid: 33, gid: 44, additionalGids: [], home: "/var/www" }],
    ["4242", [], { uid: 4242, gid: 0, additionalGids: [], home: "/" }],
    ["4242:4343", ["video", "55"], { uid: 4242, gid: 4343, additionalGids: [44, 55], home: "/" }],
    ["1000", [], { uid: 77, gid: 77, additionalGids: [], home: "/odd" }],
  ];
  for (const [text, groups, expected] of rows) {
    test(`"${text}" with groups [${groups}] is found`, () =>
      expect(resolveUser(text, files, groups)).toEqual(expected as never));
  }
  test("a name that is not listed is refused", () => {
    expect(() => resolveUser("nosuch", files)).toThrow("unable to find user nosuch");
    expect(() => resolveUser("web:nosuch", files)).toThrow("unable to find group nosuch");
  });
  test("an id beyond 31 bits is refused", () => {
    expect(() => resolveUser("4294967296", files)).toThrow("must be in range");
  });
  test("an image without the files still has root", () => {
    expect(resolveUser("", { passwd: "", group: "" }).uid).toBe(0);
  });
});
