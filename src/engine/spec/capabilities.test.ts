import { describe, expect, test } from "bun:test";
import { normalCapability, parseCapabilityMask, planCapabilities } from "./capabilities.ts";

const everything = parseCapabilityMask("CapEff:\t000001ffffffffff\n");
const plan = (wish: Partial<Parameters<typeof planCapabilities>[0]>) =>
  planCapabilities({ privileged: false, add: [], drop: [], available: everything, ...wish });

describe("capabilities", () => {
  test("the default set holds fourteen and neither SYS_ADMIN nor NET_ADMIN", () => {
    expect(plan({})).toHaveLength(14);
    expect(plan({})).not.toContain("CAP_SYS_ADMIN");
    expect(plan({})).not.toContain("CAP_NET_ADMIN");
  });
  test("a dropped one goes, an added one comes", () => {
    expect(plan({ drop: ["mknod"] })).not.toContain("CAP_MKNOD");
    expect(plan({ add: ["NET_ADMIN"] })).toContain("CAP_NET_ADMIN");
  });
  test("drop ALL with one added leaves that one", () => {
    expect(plan({ drop: ["ALL"], add: ["CAP_CHOWN"] })).toEqual(["CAP_CHOWN"]);
  });
  test("add ALL without one leaves the others", () => {
    const all = plan({ add: ["all"], drop: ["SYS_TIME"] });
    expect(all).toHaveLength(everything.size - 1);
    expect(all).not.toContain("CAP_SYS_TIME");
  });
  test("privileged has all that the engine has and no more", () => {
    expect(plan({ privileged: true, available: new Set(["CAP_KILL"]) })).toEqual(["CAP_KILL"]);
  });
  test("an unknown name is refused by its name", () => {
    expect(() => normalCapability("CAP_NOSUCH")).toThrow("invalid capability: CAP_NOSUCH");
  });
  test("the mask of a process is read bit by bit", () => {
    expect([...parseCapabilityMask("CapEff:\t0000000000000005\n")]).toEqual(["CAP_CHOWN", "CAP_DAC_READ_SEARCH"]);
  });
});
