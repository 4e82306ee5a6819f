import { expect, test } from "bun:test";
import type { OciSpec } from "../../core/oci-spec.ts";
import { fieldTag } from "../generated/protocol.ts";
import { loadOrder, moduleName, moduleNeeds } from "../kernel/modules.ts";
import { parseOptions, planMounts } from "./mounts.ts";
import { machineLimits, planShape } from "./shape.ts";

const spec = (resources: object, annotations: Record<string, string> = {}) =>
  ({ annotations, linux: { namespaces: [], cgroupsPath: "", resources } }) as unknown as OciSpec;
const given = { shared: false, acceleration: "tcg", counterKhz: 0 } as const;

test.each([
  [{}, {}, 1, 512],
  [{ memory: { limit: 64 << 20 } }, {}, 1, 512],
  [{ memory: { limit: 1024 << 20 } }, {}, 1, 1280],
  [{ cpu: { quota: 150_000, period: 100_000 } }, {}, 2, 512],
  [{}, { "isle.vm.vcpus": "3", "isle.vm.memory": "2048" }, 3, 2048],
])(
  "limits %j with annotations %j make a machine of %i processors and %i MiB",
  (resources, annotations, cpus, memoryMiB) => {
    expect(planShape(spec(resources, annotations), given)).toEqual({ cpus, memoryMiB, networks: 1, ...given });
  },
);

test("sizes that are no numbers, or too small, are refused", () => {
  expect(() => planShape(spec({}, { "isle.vm.vcpus": "many" }), given)).toThrow("isle.vm.vcpus");
  expect(() => planShape(spec({}, { "isle.vm.memory": "16" }), given)).toThrow("128 MiB at least");
});

test("the host's limit of memory leaves room for QEMU", () => {
  expect(machineLimits({}, 512).memoryBytes).toBe((512 + 288) << 20);
  expect(machineLimits({}, undefined).memoryBytes).toBeUndefined();
});

test("mount options become flags, and the rest is the file system's", () => {
  expect(parseOptions(["nosuid", "ro", "rbind", "rprivate", "mode=755", "size=1m"])).toEqual({
    flags: BigInt(1 | 2 | 16384),
    data: "mode=755,size=1m",
  });
});

test("binds are shared by number, engine's files are brought by content, memory is the guest's own", () => {
  const source = { smallFile: (path: string) => ({ content: Buffer.from(path), mode: 0o644 }) };
  const bind = (destination: string, options: string[] = []) => ({
    destination,
    type: "bind",
    source: `/host${destination}`,
    options,
  });
  const { fields, shares } = planMounts(
    [bind("/etc/hosts"), bind("/data", ["rbind", "ro"]), bind("/dev/shm"), bind("/more", ["rslave"])],
    source,
    1,
  );
  expect(fields.map((field) => field.readUInt16LE(0))).toEqual([
    fieldTag.file,
    fieldTag.share,
    fieldTag.mount,
    fieldTag.share,
  ]);
  expect(shares).toEqual([
    { path: "/host/data", readonly: true, follows: false },
    { path: "/host/more", readonly: false, follows: true },
  ]);
  expect(fields[1]!.toString()).toContain("1\0/data\0");
});

test("modules load after what they need, and what is built in is left out", () => {
  const needs: Record<string, string[]> = { net: ["failover", "virtio"], failover: [], virtio: ["ring"], ring: [] };
  expect(loadOrder(["net", "ext4", "virtio"], (name) => needs[name])).toEqual(["failover", "ring", "virtio", "net"]);
  expect(moduleNeeds(Buffer.from("x\0license=GPL\0depends=virtio_ring,virtio-pci\0name=net\0"))).toEqual([
    "virtio_ring",
    "virtio_pci",
  ]);
  expect(moduleName("virtio-rng.ko.xz")).toBe("virtio_rng");
});
