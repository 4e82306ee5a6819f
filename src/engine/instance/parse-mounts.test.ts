import { describe, expect, test } from "bun:test";
import { parseBind, parseMount, parseMounts } from "./parse-mounts.ts";

describe("-v", () => {
  test("a path is a bind whose source may be made", () => {
    expect(parseBind("/src/../data/:/dst/:ro,rslave")).toMatchObject({
      type: "bind",
      source: "/data",
      target: "/dst",
      readonly: true,
      propagation: "rslave",
      createSource: true,
    });
  });
  test("a name is a volume, a target alone an anonymous one", () => {
    expect(parseBind("vol:/dst")).toMatchObject({ type: "volume", source: "vol", readonly: false });
    const anonymous = parseBind("/dst");
    expect(anonymous.anonymous).toBe(true);
    expect(anonymous.source).toMatch(/^[0-9a-f]{64}$/);
  });
  for (const text of ["", ":", "a:b:c:d", "vol:relative", "vol:/", "bad/name:/dst", "/src:/dst:nosuch", "-x:/dst"]) {
    test(`"${text}" is refused`, () => expect(() => parseBind(text)).toThrow());
  }
});

describe("--mount", () => {
  test("a bind must exist and name an absolute source", () => {
    expect(parseMount({ Type: "bind", Source: "/a", Target: "/b" }).createSource).toBeUndefined();
    expect(() => parseMount({ Type: "bind", Source: "a", Target: "/b" })).toThrow("mount path must be absolute");
    expect(() => parseMount({ Type: "bind", Target: "/b" })).toThrow("field Source must not be empty");
  });
  test("a subpath must stay in the volume", () => {
    const mount = (Subpath: string) =>
      ({ Type: "volume", Source: "v", Target: "/b", VolumeOptions: { Subpath } }) as const;
    expect(parseMount(mount("in/side")).subpath).toBe("in/side");
    expect(() => parseMount(mount("../out"))).toThrow("relative path within the volume");
    expect(() => parseMount(mount("/etc"))).toThrow("relative path within the volume");
  });
  test("tmpfs takes size and mode and no source", () => {
    expect(
      parseMount({ Type: "tmpfs", Target: "/t", TmpfsOptions: { SizeBytes: 4096, Mode: 0o1777 } }).tmpfsOptions,
    ).toBe("size=4096,mode=1777");
    expect(() => parseMount({ Type: "tmpfs", Source: "/x", Target: "/t" })).toThrow("Source must not be specified");
  });
});

describe("all mounts of an instance", () => {
  test("two on one target are refused", () => {
    expect(() => parseMounts({}, { Binds: ["/a:/x", "/b:/x/"] }, [])).toThrow("Duplicate mount point: /x");
  });
  test("the image's volumes yield to given mounts", () => {
    const mounts = parseMounts({ Volumes: { "/data": {}, "/more": {} } }, { Binds: ["/a:/data"] }, []);
    expect(mounts.map(({ type, target }) => `${type} ${target}`)).toEqual(["bind /data", "volume /more"]);
  });
  test("mounts of others come along, read-only when asked so, and are theirs to remove", () => {
    const theirs = [{ ...parseBind("/data"), anonymous: true }];
    expect(parseMounts({}, {}, [{ mounts: theirs, readonly: true }])[0]).toMatchObject({
      anonymous: false,
      readonly: true,
    });
  });
});
