import { describe, expect, test } from "bun:test";
import { planMounts } from "./mounts.ts";

const base = {
  user: [],
  files: [],
  shm: { bytes: 1024 },
  privileged: false,
};
const bind = (destination: string) => ({ destination, type: "bind", source: "/src", options: ["rbind"] });
const targets = (wish: Partial<Parameters<typeof planMounts>[0]>) =>
  planMounts({ ...base, ...wish }).map(({ destination }) => destination);

describe("the mount list", () => {
  test("puts the kernel's file systems first and parents before children", () => {
    const list = targets({ user: [bind("/a/b/c"), bind("/a")] });
    expect(list.slice(0, 3)).toEqual(["/proc", "/dev", "/dev/pts"]);
    expect(list.indexOf("/a")).toBeLessThan(list.indexOf("/a/b/c"));
  });
  test("a mount of the user's takes the place of ours", () => {
    const shm = planMounts({ ...base, user: [bind("/dev/shm")] }).filter(
      ({ destination }) => destination === "/dev/shm",
    );
    expect(shm.map(({ type }) => type)).toEqual(["bind"]);
  });
  test("/sys is read-only unless the instance is privileged", () => {
    const sys = (privileged: boolean) =>
      planMounts({ ...base, privileged }).find(({ destination }) => destination === "/sys")!;
    expect(sys(false).options).toContain("ro");
    expect(sys(true).options).not.toContain("ro");
  });
  test("without IPC of its own there is no shared memory", () => {
    expect(targets({ shm: "none" })).not.toContain("/dev/shm");
  });
  test("shared memory of another instance is bound", () => {
    const shm = planMounts({ ...base, shm: { bind: "/there" } }).find(({ destination }) => destination === "/dev/shm")!;
    expect([shm.type, shm.source]).toEqual(["bind", "/there"]);
  });
});
