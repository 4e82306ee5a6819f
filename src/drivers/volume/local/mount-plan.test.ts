import { expect, test } from "bun:test";
import { mountFlag } from "../../../os/mount.ts";
import { hostToResolve, planMount, withAddress } from "./mount-plan.ts";

const { bind, recursive, readonly, remount, nosuid, noAccessTime } = mountFlag;
const plans: [options: Record<string, string>, plan: Partial<ReturnType<typeof planMount>>][] = [
  [
    { type: "tmpfs", device: "tmpfs", o: "size=1m,uid=1000,nosuid" },
    { type: "tmpfs", source: "tmpfs", flags: nosuid, remountFlags: 0, data: "size=1m,uid=1000" },
  ],
  [
    { type: "none", device: "/srv", o: "bind" },
    { type: "", source: "/srv", flags: bind, remountFlags: 0 },
  ],
  [
    { type: "none", device: "/srv", o: "rbind,ro" },
    { flags: bind | recursive, remountFlags: readonly | remount | bind | recursive },
  ],
  [
    { type: "nfs", device: ":/export", o: "addr=10.0.0.7,ro,noatime,nfsvers=4" },
    { type: "nfs", source: ":/export", flags: readonly | noAccessTime, data: "addr=10.0.0.7,nfsvers=4" },
  ],
  [
    { type: "ext4", device: "/dev/sdz1", o: "ro,rw,defaults" },
    { type: "ext4", flags: 0, data: "" },
  ],
  [
    { type: "tmpfs", device: "tmpfs" },
    { flags: 0, data: "" },
  ],
];
for (const [options, plan] of plans) {
  test(`the options ${JSON.stringify(options)} are mounted as they say`, () => {
    expect(planMount(options)).toMatchObject(plan);
  });
}

test("only a network file system's host is looked up, and takes its address", () => {
  const nfs = planMount({ type: "nfs", device: ":/a", o: "addr=files.lan,rw,soft" });
  expect(hostToResolve(nfs)).toBe("files.lan");
  expect(withAddress(nfs, "10.1.2.3").data).toBe("addr=10.1.2.3,soft");
  expect(hostToResolve(planMount({ type: "tmpfs", device: "x", o: "addr=files.lan" }))).toBeUndefined();
});
