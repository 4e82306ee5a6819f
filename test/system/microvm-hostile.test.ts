import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import { Containers } from "../support/containers.ts";
import { startDaemon, type TestDaemon } from "../support/daemon.ts";

/** Everything here is done by root with all rights in a guest, against what is outside of it. */
let daemon: TestDaemon;
let box: Containers;
beforeAll(async () => {
  daemon = await startDaemon({ config: { "default-runtime": "isle-vm", "microvm-pool": 0 } });
  box = new Containers(daemon.api);
});
afterEach(() => box.clear());
afterAll(() => daemon.stop());

const privileged = { Privileged: true };
async function othersAreWell(): Promise<void> {
  expect((await daemon.api.get("/_ping")).status).toBe(200);
  expect(await box.output("echo well", { HostConfig: { Runtime: "crun" } })).toBe("well");
}

test("a guest that kills its agent's peers, fills its memory and forks without end can be killed in time", async () => {
  const script =
    "mkdir -p /mnt; (while :; do (sleep 100 &) ; done) & (tail /dev/zero) & dd if=/dev/zero of=/fill bs=1M & wait";
  const id = await box.start({ script, HostConfig: { ...privileged, StorageOpt: { size: "64m" } } });
  await Bun.sleep(3000);
  await othersAreWell();
  const begin = performance.now();
  await daemon.api.ok("POST", `/containers/${id}/stop`, { query: { t: 1 } });
  expect(performance.now() - begin).toBeLessThan(60_000);
  expect((await box.state(id)).Running).toBe(false);
});

test("QEMU and the relay have another user, no rights, a filter, QEMU namespaces of its own, and it sees no file of the host", async () => {
  const id = await box.idle();
  const state = await daemon.inNamespaces(["cat", `${daemon.execRoot}/runtime/isle-vm/${id}/state.json`]);
  const { machine } = JSON.parse(state.stdout) as { machine: number };
  const of = async (script: string) => (await daemon.inNamespaces(["sh", "-c", script])).stdout;
  const status = await of(`grep -E '^(Uid|Gid|CapEff|CapPrm|CapBnd|Seccomp|NoNewPrivs):' /proc/${machine}/status`);
  expect(status).toMatch(/Uid:\s+1230000000\s+1230000000/);
  expect(status).toMatch(/CapEff:\s+0+\n/);
  expect(status).toMatch(/Seccomp:\s+2\n/);
  for (const kind of ["mnt", "net", "pid", "ipc", "uts"]) {
    const [own, hosts] = [await of(`readlink /proc/${machine}/ns/${kind}`), await of(`readlink /proc/self/ns/${kind}`)];
    expect([kind, own === hosts]).toEqual([kind, false]);
  }
  expect((await of(`ls /proc/${machine}/root`)).trim().split(/\s+/).sort()).toEqual(
    expect.not.arrayContaining(["root", "home", "var", "etc/passwd"]),
  );
  const { pid } = JSON.parse(state.stdout) as { pid: number };
  const relay = await of(`grep -E '^(Uid|CapEff|NoNewPrivs):' /proc/${pid}/status`);
  expect(relay).toMatch(/Uid:\s+1230000000\s+1230000000\s+1230000000/);
  expect(relay).toMatch(/CapEff:\s+0+\n/);
  expect(await of(`ls /proc/${machine}/root/etc`)).not.toContain("passwd");
  expect(await of(`cat /proc/${machine}/cgroup`)).toContain(`/isle/${id}`);
});

test("a workload with all rights cannot get at its agent's channel", async () => {
  const script =
    "mkdir -p /mnt; mount -t devtmpfs none /mnt; for port in /mnt/vport*; do echo noise > $port; echo $?; done";
  const { stdout } = await box.finish({ script, HostConfig: privileged });
  expect(stdout).toBe("1\n");
  await othersAreWell();
});
