import { expect, test } from "bun:test";
import { type MachineShape, qemuArguments } from "./arguments.ts";

const shape = {
  cpus: 2,
  memoryMiB: 512,
  acceleration: "tcg",
  counterKhz: 2_600_000,
  shared: false,
  networks: 1,
} as const satisfies MachineShape;
const line = (wanted: MachineShape, kind: "boot" | "template" | "restore" = "boot") =>
  qemuArguments(wanted, { kind }).join(" ");

test("acceleration chooses the processor, and emulation leaves out guards against neighbours on it", () => {
  expect(line(shape)).toContain("-accel tcg,thread=multi,tb-size=128 -cpu max,la57=off -smp 2 -m 512M");
  expect(line(shape)).toContain("mitigations=off");
  expect(line(shape)).toContain("tsc_early_khz=2600000");
  const fast = line({ ...shape, acceleration: "kvm" });
  expect(fast).toContain("-accel kvm -cpu host");
  expect(fast).not.toContain("mitigations=off");
});

test("a template's memory is a shared file, that of what goes on from it a private one", () => {
  expect(line(shape)).toContain("memory-backend-ram,id=memory,size=512M");
  expect(line(shape, "template")).toContain("mem-path=/proc/self/fd/17,share=on");
  expect(line(shape, "restore")).toContain("mem-path=/proc/self/fd/17,share=off");
  expect(line(shape, "restore")).toContain("-incoming defer");
});

test("a server of directories sees the memory, and only then there is a device for it", () => {
  expect(line({ ...shape, shared: true })).toContain("memory-backend-memfd,share=on");
  expect(line({ ...shape, shared: true })).toContain("vhost-user-fs-pci");
  expect(line(shape)).not.toContain("vhost-user-fs-pci");
});

test("further networks have slots of their own, and taps with the numbers that the keeper gives them", () => {
  const three = line({ ...shape, networks: 3 });
  expect(three).toContain("tap,id=net0,fd=12 -device virtio-net-pci,netdev=net0,romfile= ");
  expect(three).toContain("tap,id=net2,fd=21 -device virtio-net-pci,netdev=net2,romfile=,bus=pcie.0,addr=0x12");
});

test("QEMU may start nothing, gain nothing, and opens no path of the host", () => {
  expect(line(shape)).toContain("-sandbox on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny");
  const paths = line(shape).match(/(?<==|\s)\/[^\s,]+/g);
  expect(paths?.every((path) => path.startsWith("/proc/self/fd/"))).toBe(true);
});
