import { expect, test } from "bun:test";
import { Query } from "../query.ts";
import { attributesOf } from "./session-build.ts";

const of = (values: Readonly<Record<string, string>>) => attributesOf(new Query(new URLSearchParams(values)));

test.each([
  [{}, { filename: "Dockerfile" }],
  [
    { dockerfile: "D", target: "t", platform: "linux/arm64", networkmode: "none", shmsize: "64" },
    { filename: "D", target: "t", platform: "linux/arm64", "force-network-mode": "none", "shm-size": "64" },
  ],
  [
    { networkmode: "default", shmsize: "0", nocache: "0" },
    { filename: "Dockerfile", "force-network-mode": "" },
  ],
  [
    { buildargs: '{"A":"1","B":null}', labels: '{"l":"v"}', nocache: "1", pull: "true" },
    { filename: "Dockerfile", "build-arg:A": "1", "label:l": "v", "no-cache": "", "image-resolve-mode": "pull" },
  ],
  [
    { cachefrom: '["a/b"]', extrahosts: "h:1.2.3.4" },
    {
      filename: "Dockerfile",
      "add-hosts": "h=1.2.3.4",
      "cache-imports": '[{"Type":"registry","Attrs":{"ref":"a/b"}}]',
    },
  ],
])("parameters %j in BuildKit's words", (given, attributes) => {
  expect(of(given as Record<string, string>)).toEqual(attributes as Record<string, string>);
});
