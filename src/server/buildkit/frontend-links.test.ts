import { expect, test } from "bun:test";
import { definitionOf } from "./definitions.ts";
import { linkedAttributes } from "./frontend-links.ts";
import { codec } from "./messages.ts";

const source = (identifier: string, attrs: Record<string, string> = {}) => definitionOf({ identifier, attrs });

test("inputs become links to results, or the sources they stand for", () => {
  const config = { os: "linux", architecture: "amd64" };
  const metadata = JSON.stringify({
    "containerimage.config": Buffer.from(JSON.stringify(config)).toString("base64"),
  });
  const given = {
    filename: "Dockerfile",
    "context:base": "input:0-base",
    "input-metadata:0-base": metadata,
    "context:plain": "input:plain",
    "context:image": "docker-image://busybox",
    "context:files": "input:files",
    "context:git": "input:git",
  };
  const inputs = {
    "0-base": source("isle-result://abc"),
    plain: source("docker-image://docker.io/library/busybox:latest"),
    files: source("local://lib"),
    git: source("git://host/app.git#main:sub", { "git.fullurl": "https://host/app.git" }),
  };
  const { attributes, links } = linkedAttributes(given, inputs);
  expect([...links]).toEqual([["base", { identifier: "isle-result://abc", config } as never]]);
  expect(attributes).toMatchObject({
    "context:plain": "docker-image://docker.io/library/busybox:latest",
    "context:image": "docker-image://busybox",
    "context:files": "local:lib",
    "context:git": "https://host/app.git#main:sub",
  });
  expect("context:base" in attributes).toBe(false);
});

test("an input called context is the context", () => {
  const git = source("git://host/app.git", { "git.fullurl": "https://host/app.git" });
  const { attributes } = linkedAttributes({}, { context: git, dockerfile: git });
  expect(attributes["context"]).toBe("https://host/app.git");
  expect(() => linkedAttributes({}, { context: git, dockerfile: source("local://x") })).toThrow("a Dockerfile from");
  expect(() => linkedAttributes({}, { context: source("isle-result://abc") })).toThrow("as the whole context");
});

test("what describes more than a source is refused", () => {
  const operations = codec<object>("Operation");
  const empty = { def: [], metadata: {} };
  const broken = { def: [operations.encode({ inputs: [{ digest: "sha256:00", index: 0 }] })], metadata: {} };
  for (const definition of [empty, broken]) {
    expect(() => linkedAttributes({ "context:x": "input:x" }, { x: definition })).toThrow("described by LLB");
  }
  expect(() => linkedAttributes({ "context:x": "input:x" }, {})).toThrow("the client did not send");
});
