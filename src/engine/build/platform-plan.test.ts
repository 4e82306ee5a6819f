import { expect, test } from "bun:test";
import { parsePlatform } from "../../base/platform.ts";
import { plansFor, stepsOfAll } from "./platform-plan.ts";
import type { BuildRequest } from "./request.ts";

const requestOf = (...text: string[]): BuildRequest =>
  ({
    dockerfile: { name: "Dockerfile", text: text.join("\n") },
    ...{ args: new Map(), target: "", named: new Map() },
  }) as unknown as BuildRequest;
const platforms = ["linux/s390x", "linux/arm/v7"].map(parsePlatform);
const names = (request: BuildRequest, wanted = platforms): string[] =>
  stepsOfAll(plansFor(request, wanted)).map(({ name }) => name);

test("steps name the platform they run on, and the one they are asked to make files for", () => {
  const request = requestOf(
    "FROM --platform=linux/s390x busybox AS base",
    "FROM base AS maker",
    "RUN before",
    "ARG TARGETARCH",
    "RUN after",
    "FROM maker AS third",
    "RUN more",
    "FROM scratch",
    "COPY --from=third /a /a",
  );
  expect(names(request)).toEqual([
    "[linux/s390x base 1/1] FROM --platform=linux/s390x busybox AS base",
    "[linux/s390x maker 1/3] FROM base AS maker",
    "[linux/s390x maker 2/3] RUN before",
    "[linux/s390x maker 3/3] RUN after",
    "[linux/s390x third 1/2] FROM maker AS third",
    "[linux/s390x third 2/2] RUN more",
    "[linux/s390x stage-3 1/2] FROM scratch",
    "[linux/s390x stage-3 2/2] COPY --from=third /a /a",
    "[linux/s390x->arm/v7 maker 3/3] RUN after",
    "[linux/s390x->arm/v7 third 1/2] FROM maker AS third",
    "[linux/s390x->arm/v7 third 2/2] RUN more",
    "[linux/arm/v7 stage-3 1/2] FROM scratch",
    "[linux/arm/v7 stage-3 2/2] COPY --from=third /a /a",
  ]);
  expect(names(request, platforms.slice(0, 1))).toContain("[maker 2/3] RUN before");
});

const shared: ReadonlyArray<readonly [why: string, stage: readonly string[], isShared: boolean]> = [
  ["names nothing of the platform", ["FROM --platform=linux/s390x busybox AS a", "RUN x"], true],
  ["has an ARG of its own", ["FROM --platform=linux/s390x busybox AS a", "ARG x=1", "ARG y"], true],
  ["has an ARG of the platform", ["FROM --platform=linux/s390x busybox AS a", "ARG TARGETARCH"], false],
  ["inherits a global ARG of the platform", ["FROM --platform=linux/s390x busybox AS a", "ARG made"], false],
  ["has a base of the platform", ["FROM --platform=linux/s390x $made AS a"], false],
  ["is for the platform itself", ["FROM busybox AS a"], false],
  ["takes from a stage of the platform", ["FROM --platform=linux/s390x busybox AS a", "COPY --from=own /f /"], false],
  ["may take from any stage", ["FROM --platform=linux/s390x busybox AS a", "ARG n=own", "COPY --from=$n /f /"], false],
  ["stands on a stage of the platform", ["FROM own AS a"], false],
];
for (const [why, stage, isShared] of shared) {
  test(`a stage that ${why} is ${isShared ? "one" : "another"} for each platform`, () => {
    const head = ["ARG TARGETARCH", "ARG made=on-$TARGETARCH", "FROM busybox AS own"];
    const request = requestOf(...head, ...stage, "FROM scratch", "COPY --from=a /f /");
    const [one, two] = plansFor(request, platforms).map(({ identityOf, dockerfile }) =>
      identityOf(dockerfile.stages.find(({ name }) => name === "a")!),
    );
    expect(one === two).toBe(isShared);
  });
}
