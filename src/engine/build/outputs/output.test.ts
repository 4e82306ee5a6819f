import { expect, test } from "bun:test";
import { annotationsAt, checkAnnotations, parseAnnotations } from "./annotations.ts";
import { parseOutput } from "./output.ts";

const [amd64, arm64] = [
  { os: "linux", architecture: "amd64" },
  { os: "linux", architecture: "arm64" },
];

test("annotations stand in the document of their level, by key, those of a platform before those for all", () => {
  const annotations = parseAnnotations({
    ...{ "annotation.b": "all", "annotation[linux/arm64].b": "own", "annotation-manifest.a": "1", name: "x" },
    ...{ "annotation-index[linux/arm64].i": "2", "annotation-manifest-descriptor[linux/amd64].d": "3" },
  });
  expect(Object.entries(annotationsAt(annotations, "manifest", arm64).annotations!)).toEqual([
    ["a", "1"],
    ["b", "own"],
  ]);
  expect(annotationsAt(annotations, "manifest", amd64)).toEqual({ annotations: { a: "1", b: "all" } });
  expect(annotationsAt(annotations, "index")).toEqual({ annotations: { i: "2" } });
  expect(annotationsAt(annotations, "manifest-descriptor", amd64)).toEqual({ annotations: { d: "3" } });
  expect(annotationsAt(annotations, "manifest-descriptor", arm64)).toEqual({});
  expect(annotationsAt(annotations, "index-descriptor")).toEqual({});
});

const nowhere: ReadonlyArray<readonly [name: string, isIndex: boolean, message: string]> = [
  ["annotation-index.a", false, "index annotations not supported for single platform export"],
  ["annotation-index-descriptor.a", false, "index annotations not supported for single platform export"],
  ["annotation[linux/s390x].a", true, "invalid annotation: no platform linux/s390x found in source"],
];
for (const [name, isIndex, message] of nowhere) {
  test(`the attribute ${name} is refused where it would be nowhere`, () => {
    const annotations = parseAnnotations({ [name]: "1" });
    expect(() => checkAnnotations(annotations, { platforms: [amd64], isIndex })).toThrow(message);
  });
}

const refused: ReadonlyArray<readonly [type: string, attributes: Record<string, string>, message: string]> = [
  ["oci", { "annotation-foo.k": "v" }, "unrecognized annotation type foo"],
  ["oci", { annotationk: "v" }, "unknown attribute annotationk of the output oci"],
  ["image", { what: "ever" }, "unknown attribute what of the output image"],
  ["local", { push: "true" }, "unknown attribute push of the output local"],
  ["image", { store: "false" }, "store=false of the output image"],
  ["image", { unpack: "maybe" }, 'invalid value "maybe" for unpack'],
  ["image", { "rewrite-timestamp": "false" }, "rewrite-timestamp=false"],
  ["registry", { name: "a", "registry.insecure": "true" }, "registry.insecure=true"],
  ["image", { "prefer-nondist-layers": "true" }, "prefer-nondist-layers=true"],
  ["image", { "oci-artifact": "1" }, "oci-artifact=1"],
  ["oci", { "oci-mediatypes": "false" }, "oci-mediatypes=false of the output oci"],
  ["image", { compression: "rar" }, "unsupported layer compression type: rar"],
  ["registry", {}, "tag is needed when pushing to registry"],
];
for (const [type, attributes, message] of refused) {
  test(`an output ${type} with ${JSON.stringify(attributes)} is refused`, () => {
    expect(() => parseOutput({ type, attributes }, [])).toThrow(message);
  });
}

test("attributes that are the rule anyhow are accepted", () => {
  const attributes = {
    ...{ name: "a,b:1", push: "true", "push-by-digest": "true", "name-canonical": "true", "dangling-name-prefix": "d" },
    ...{ unpack: "false", store: "true", "rewrite-timestamp": "true", "registry.insecure": "false", buildinfo: "0" },
  };
  expect(parseOutput({ type: "image", attributes }, [])).toMatchObject({
    kind: "image",
    names: ["docker.io/library/a:latest", "docker.io/library/b:1"],
    digestNames: ["docker.io/library/a:latest", "docker.io/library/b:1", "docker.io/library/d:latest"],
    pushByDigest: true,
  });
  expect(parseOutput({ type: "local", attributes: { "annotation.a": "1" } }, [])).toMatchObject({ kind: "local" });
});

test("words that Docker's own clients add to their output are passed over", () => {
  expect(parseOutput({ type: "moby", attributes: { name: "a", load: "true" } }, [])).toMatchObject({ kind: "image" });
});
