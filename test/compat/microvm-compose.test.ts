import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ComposeProject, composeIsHere } from "../support/compose.ts";
import { startDaemon, type TestDaemon } from "../support/daemon.ts";

const here = composeIsHere();
let daemon: TestDaemon;
beforeAll(async () => {
  daemon = await startDaemon();
});
afterAll(() => daemon.stop());

/** Every service is a microVM: they find each other by name, wait for each other's health and share a volume. */
const file = `
services:
  web:
    image: busybox
    runtime: isle-vm
    command: sh -c 'mkdir -p /www; echo from web > /www/index.html; exec httpd -f -h /www'
    volumes: [data:/data]
    stop_grace_period: 1s
    healthcheck: { test: [CMD, wget, -qO-, "http://127.0.0.1/"], interval: 1s, timeout: 30s, retries: 60 }
  client:
    image: busybox
    runtime: isle-vm
    command: sh -c 'wget -qO- http://web/ > /data/got && uname -r && cat /data/got && ls /proc/1/ns | wc -l'
    volumes: [data:/data]
    depends_on: { web: { condition: service_healthy } }
volumes: { data: {} }
`;

test.skipIf(!here)(
  "a project whose services are microVMs comes up, works together and goes",
  async () => {
    const directory = join(daemon.directory, "project");
    mkdirSync(directory);
    writeFileSync(join(directory, "compose.yaml"), file);
    const project = new ComposeProject(daemon, "microvms", {}, directory);
    const said = await project.run("up", "--exit-code-from", "client", "--no-color");
    expect(said).toContain("from web");
    const kernel = (await daemon.inNamespaces(["uname", "-r"])).stdout.trim();
    expect(said).not.toContain(kernel);
    await project.run("down", "-v", "-t", "1");
    expect((await daemon.api.ok("GET", "/volumes")).Volumes).toEqual([]);
  },
  240_000,
);
