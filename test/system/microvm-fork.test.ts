import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import { Containers } from "../support/containers.ts";
import { startDaemon, type TestDaemon } from "../support/daemon.ts";

let daemon: TestDaemon;
let box: Containers;
beforeAll(async () => {
  daemon = await startDaemon({ config: { "default-runtime": "isle-vm", "microvm-pool": 1 } });
  box = new Containers(daemon.api);
});
afterEach(() => box.clear());
afterAll(() => daemon.stop());

test("x", async () => {
  const id = await box.start({
    script: "echo data > /data; httpd -h /; i=0; while :; do echo $i; i=$((i+1)); sleep 0.02; done",
    HostConfig: { PortBindings: { "80/tcp": [{ HostIp: "127.0.0.1", HostPort: "18080" }] } },
  });
  await box.untilLog(id, "5\n");
  for (const n of [1, 1, 1, 3]) {
    const t0 = performance.now();
    const r = await daemon.cli(["fork", "-n", String(n), id], { timeoutMs: 60000 });
    console.log("fork", n, performance.now() - t0, r);
    for (const c of r.stdout.trim().split("\n")) {
      console.log(
        (
          await box.exec(
            c,
            "hostname; hostname -i; cat /etc/hosts /proc/sys/kernel/random/boot_id; cat /sys/class/net/eth0/address; ip route; head -c 8 /dev/urandom | md5sum; date; cat /data; ps",
          )
        ).stdout,
      );
      console.log((await box.logs(c)).stdout.split("\n").slice(0, 5).join(" "));
    }
  }
  console.log((await daemon.cli(["ps"])).stdout);
  const lines = (await box.logs(id, { timestamps: true })).stdout
    .split("\n")
    .filter(Boolean)
    .map((l) => Date.parse(l.split(" ")[0]!));
  console.log(
    "gaps",
    lines
      .map((t, i) => (i ? t - lines[i - 1]! : 0))
      .sort((a, b) => b - a)
      .slice(0, 10),
  );
  console.log(daemon.log().split("\n").slice(-10).join("\n"));
}, 100000);
