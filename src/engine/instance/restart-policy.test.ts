import { describe, expect, test } from "bun:test";
import type { InstanceRecord } from "../../core/instance.ts";
import { shouldRestart } from "./restart-policy.ts";

const record = (name: string, more: Partial<InstanceRecord> = {}, most = 0) =>
  ({
    stoppedByHand: false,
    restartCount: 0,
    host: { RestartPolicy: { Name: name, MaximumRetryCount: most } },
    ...more,
  }) as unknown as InstanceRecord;

describe("the restart policy", () => {
  const rows: Array<[string, InstanceRecord, number, boolean]> = [
    ["no", record("no"), 1, false],
    ["always after success", record("always"), 0, true],
    ["unless-stopped", record("unless-stopped"), 0, true],
    ["always after a stop by hand", record("always", { stoppedByHand: true }), 0, false],
    ["on-failure after success", record("on-failure"), 0, false],
    ["on-failure after a failure", record("on-failure"), 1, true],
    ["on-failure:2 the second time", record("on-failure", { restartCount: 1 }, 2), 1, true],
    ["on-failure:2 the third time", record("on-failure", { restartCount: 2 }, 2), 1, false],
  ];
  for (const [title, given, exitCode, expected] of rows) {
    test(`${title}: ${expected ? "restarts" : "stays"}`, () => expect(shouldRestart(given, exitCode)).toBe(expected));
  }
});
