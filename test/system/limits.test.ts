import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import { Containers } from "../support/containers.ts";
import { startDaemon, type TestDaemon } from "../support/daemon.ts";

let daemon: TestDaemon;
let box: Containers;
beforeAll(async () => {
  daemon = await startDaemon();
  box = new Containers(daemon.api);
});
afterEach(() => box.clear());
afterAll(() => daemon.stop());

const megabyte = 1 << 20;

/** A file of the container's control group, by its name in version 1 or 2. */
async function cgroupFile(id: string, controller: string, names: readonly [v1: string, v2: string]): Promise<string> {
  const script = `cat /sys/fs/cgroup/${controller}/isle/${id}/${names[0]} 2>/dev/null || cat /sys/fs/cgroup/isle/${id}/${names[1]}`;
  const { stdout, exitCode } = await daemon.inNamespaces(["sh", "-c", script]);
  if (exitCode !== 0) throw new Error(`no ${names[0]} of ${id}`);
  return stdout.trim();
}

test("memory, swap and reservation are limits of the kernel", async () => {
  const id = await box.idle({
    HostConfig: { Memory: 32 * megabyte, MemorySwap: 48 * megabyte, MemoryReservation: 16 * megabyte },
  });
  expect(await cgroupFile(id, "memory", ["memory.limit_in_bytes", "memory.max"])).toBe(String(32 * megabyte));
  expect(await cgroupFile(id, "memory", ["memory.soft_limit_in_bytes", "memory.low"])).toBe(String(16 * megabyte));
  expect(await cgroupFile(id, "memory", ["memory.memsw.limit_in_bytes", "memory.swap.max"])).toBeOneOf([
    String(48 * megabyte),
    String(16 * megabyte),
  ]);
});

test("processor time, shares and set are limits of the kernel", async () => {
  const id = await box.idle({ HostConfig: { NanoCpus: 500_000_000, CpuShares: 512, CpusetCpus: "0" } });
  expect(await cgroupFile(id, "cpu", ["cpu.cfs_quota_us", "cpu.max"])).toBeOneOf(["50000", "50000 100000"]);
  expect(await cgroupFile(id, "cpu", ["cpu.shares", "cpu.weight"])).toBeOneOf(["512", "20"]);
  expect(await cgroupFile(id, "cpuset", ["cpuset.cpus", "cpuset.cpus"])).toBe("0");
  expect((await box.exec(id, "nproc")).stdout).toBe("1\n");
  const other = await box.idle({ HostConfig: { CpuPeriod: 50_000, CpuQuota: 10_000 } });
  expect(await cgroupFile(other, "cpu", ["cpu.cfs_quota_us", "cpu.max"])).toBeOneOf(["10000", "10000 50000"]);
});

test("half a processor is half a processor", async () => {
  const id = await box.start({ script: "while :; do :; done", HostConfig: { NanoCpus: 500_000_000 } });
  const used = async () => Number(await cgroupFile(id, "cpuacct", ["cpuacct.usage", "cpu.stat"]));
  const [before, began] = [await used(), performance.now()];
  await Bun.sleep(1000);
  const share = ((await used()) - before) / 1e6 / (performance.now() - began);
  expect(share).toBeWithin(0.05, 0.65);
});

test("a fork bomb ends at the limit of processes", async () => {
  const id = await box.start({
    // The shell that cannot fork gives up; the container stays.
    script: "(i=0; while [ $i -lt 100 ]; do sleep 100 & i=$((i+1)); done); exec sleep 100",
    HostConfig: { PidsLimit: 12 },
  });
  await box.untilLog(id, "fork");
  expect(await cgroupFile(id, "pids", ["pids.max", "pids.max"])).toBe("12");
  expect(Number(await cgroupFile(id, "pids", ["pids.current", "pids.current"]))).toBeLessThanOrEqual(12);
});

test("block device rates and weight reach the kernel", async () => {
  const rate = (Rate: number) => [{ Path: "/dev/vda", Rate }];
  const device = (
    await daemon.inNamespaces(["sh", "-c", "test -b /dev/vda && stat -c '%t:%T' /dev/vda"])
  ).stdout.trim();
  if (device === "") return console.warn("no /dev/vda here: device rates are not tested");
  const numbers = device
    .split(":")
    .map((hex) => Number.parseInt(hex, 16))
    .join(":");
  const id = await box.idle({
    HostConfig: {
      BlkioDeviceReadBps: rate(megabyte),
      BlkioDeviceWriteBps: rate(2 * megabyte),
      BlkioDeviceReadIOps: rate(100),
      BlkioDeviceWriteIOps: rate(200),
    },
  });
  const throttle = (name: string) => cgroupFile(id, "blkio", [`blkio.throttle.${name}`, "io.max"]);
  expect(await throttle("read_bps_device")).toContain(`${numbers} ${megabyte}`);
  expect(await throttle("write_bps_device")).toContain(`${numbers} ${2 * megabyte}`);
  expect(await throttle("read_iops_device")).toContain(`${numbers} 100`);
  expect(await throttle("write_iops_device")).toContain(`${numbers} 200`);
});

test("a container killed for its memory says so", async () => {
  const since = Date.now() / 1000;
  const { id, exitCode } = await box.finish({
    script: "tail -c 200m /dev/zero",
    HostConfig: { Memory: 16 * megabyte, MemorySwap: 16 * megabyte },
  });
  expect(exitCode).toBe(137);
  expect(await box.state(id)).toMatchObject({ OOMKilled: true, ExitCode: 137, Status: "exited" });
  expect((await box.event(id, "oom", since)).Action).toBe("oom");
});

test("limits the kernel or sense forbids are refused at once", async () => {
  for (const HostConfig of [
    { Memory: 1024 },
    { Memory: 64 * megabyte, MemorySwap: 32 * megabyte },
    { MemorySwap: 32 * megabyte },
    { Memory: 32 * megabyte, MemoryReservation: 64 * megabyte },
    { NanoCpus: 1_000_000_000_000 },
    { NanoCpus: 1_000_000, CpuQuota: 5000 },
    { CpusetCpus: "99" },
    { CpusetCpus: "a-b" },
    { CpuPeriod: 1 },
    { BlkioWeight: 5 },
    { OomScoreAdj: 5000 },
    { ShmSize: -1 },
    { MemorySwappiness: 500 },
  ]) {
    const reply = await daemon.api.post("/containers/create", { json: { Image: "busybox", HostConfig } });
    expect([HostConfig, reply.status]).toEqual([HostConfig, 400]);
  }
});

test("nothing is left in the control groups after a container is gone", async () => {
  const id = await box.idle({ HostConfig: { Memory: 32 * megabyte } });
  await box.remove(id);
  const { stdout } = await daemon.inNamespaces(["sh", "-c", `find /sys/fs/cgroup -name '*${id}*'`]);
  expect(stdout).toBe("");
});
