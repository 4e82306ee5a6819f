import { expect, test } from "bun:test";
import { parseDockerfile } from "./dockerfile.ts";
import { historyLine } from "./history-line.ts";
import { applyToConfig, type StageConfig } from "./image-config.ts";

const lines: ReadonlyArray<readonly [written: string, shown: string | undefined]> = [
  ['ENV one=1 two="2 words" three=$v', "ENV one=1 two=2 words three=value"],
  ["ENV greeting hello to all", "ENV greeting=hello to all"],
  ['LABEL "a b"="c" d=$v', "LABEL a b=c d=value"],
  ['CMD ["sh", "-c", "say \\"hi\\"\\n"]', 'CMD ["sh" "-c" "say \\"hi\\"\\n"]'],
  ["ENTRYPOINT exec top", 'ENTRYPOINT ["/bin/sh" "-c" "exec top"]'],
  ['CMD ["\\u0007\\u0001\\u007f"]', 'CMD ["\\a\\x01\\x7f"]'],
  ["CMD []", "CMD []"],
  ["EXPOSE 80 443/udp 8000-8001", "EXPOSE [443/udp 80/tcp 8000/tcp 8001/tcp]"],
  ['VOLUME ["/a b", "/$v"]', "VOLUME [/a b /value]"],
  ['SHELL ["/bin/sh", "-ec"]', "SHELL [/bin/sh -ec]"],
  ["USER $v", "USER value"],
  ["STOPSIGNAL SIGINT", "STOPSIGNAL SIGINT"],
  ["MAINTAINER somebody", "MAINTAINER somebody"],
  ["HEALTHCHECK NONE", `HEALTHCHECK &{["NONE"] "0s" "0s" "0s" "0s" '\\x00'}`],
  [
    "HEALTHCHECK --interval=90s --timeout=1500ms --start-period=1h --start-interval=100ms --retries=3 CMD true",
    `HEALTHCHECK &{["CMD-SHELL" "true"] "1m30s" "1.5s" "1h0m0s" "100ms" '\\x03'}`,
  ],
  ["HEALTHCHECK --retries=39 CMD true", `HEALTHCHECK &{["CMD-SHELL" "true"] "0s" "0s" "0s" "0s" '\\''}`],
  ["ONBUILD RUN true", undefined],
];

for (const [written, shown] of lines) {
  test(`${written} is ${shown ?? "nothing"} in the history`, () => {
    const { stages } = parseDockerfile({ name: "Dockerfile", text: `FROM scratch\n${written}\n` });
    const instruction = stages[0]!.instructions[0]!;
    const expansion = { variables: new Map([["v", "value"]]), options: { escapeChar: "\\" } };
    const before: StageConfig = { run: {}, hasOwnCommand: false, author: undefined };
    const after = applyToConfig(before, instruction, expansion)!;
    expect(historyLine(instruction, after, expansion)).toBe(shown);
  });
}
