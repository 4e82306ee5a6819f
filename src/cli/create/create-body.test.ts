import { expect, test } from "bun:test";
import { parseFlags } from "../flags/parse-flags.ts";
import { containerFlags } from "./container-flags.ts";
import { type CreateBody, createBody } from "./create-body.ts";

const files: Record<string, string> = { env: "# no\nA=1\nHOME\nNOT_SET\n", labels: "x=1\ny\n" };
const around = {
  env: { HOME: "/home/me" },
  cwd: "/work",
  readText: (path: string) => {
    if (files[path] === undefined) throw new Error(`open ${path}: no such file or directory`);
    return files[path];
  },
};

function bodyOf(line: string): CreateBody {
  const { values, changed, args } = parseFlags(containerFlags, line.split(" "), { flagsFirst: true });
  return createBody({ flags: values, changed, image: args[0]!, args: args.slice(1), around });
}

test("a plain container says nothing but its image, its streams and its network", () => {
  expect(bodyOf("busybox")).toEqual({
    AttachStdin: false,
    AttachStdout: true,
    AttachStderr: true,
    Image: "busybox",
    HostConfig: { NetworkMode: "default" },
    NetworkingConfig: { EndpointsConfig: { default: {} } },
  });
});

const hostCases: readonly (readonly [line: string, host: object])[] = [
  ["--isolation sandbox busybox", { Runtime: "gvisor" }],
  ["--isolation microvm busybox", { Runtime: "isle-vm" }],
  ["--isolation container --runtime runc busybox", { Runtime: "runc" }],
  ["--cpus 1.5 -m 64m busybox", { NanoCpus: 1.5e9, Memory: 64 * 2 ** 20 }],
  ["-v ./x:/y -v vol:/z:ro busybox", { Binds: ["/work/x:/y", "vol:/z:ro"] }],
  ["--restart on-failure:3 busybox", { RestartPolicy: { Name: "on-failure", MaximumRetryCount: 3 } }],
  ["--init=false busybox", { Init: false }],
  ["--tmpfs /t:size=1m busybox", { Tmpfs: { "/t": "size=1m" } }],
  ["--security-opt systempaths=unconfined busybox", { MaskedPaths: [], ReadonlyPaths: [] }],
  ["-p 80:8080 busybox", { PortBindings: { "8080/tcp": [{ HostIp: "", HostPort: "80" }] } }],
];

for (const [line, host] of hostCases) {
  test(`${line} reaches the host's part of the body`, () => {
    expect(bodyOf(line).HostConfig).toMatchObject(host);
  });
}

test("isolation that is the default asks for no runtime", () => {
  expect(bodyOf("--isolation container busybox").HostConfig.Runtime).toBeUndefined();
});

test("the environment takes files first, then flags, and passes the caller's values on", () => {
  expect(bodyOf("--env-file env -e B=2 -e HOME -e GONE busybox").Env).toEqual([
    "A=1",
    "HOME=/home/me",
    "B=2",
    "HOME=/home/me",
    "GONE",
  ]);
  expect(bodyOf("--label-file labels -l z=3 busybox").Labels).toEqual({ x: "1", y: "", z: "3" });
});

test("an empty entry point empties the image's", () => {
  expect(bodyOf("--entrypoint= busybox").Entrypoint).toEqual([""]);
  expect(bodyOf("busybox").Entrypoint).toBeUndefined();
});

const conflicts: readonly (readonly [line: string, message: string])[] = [
  ["--rm --restart always busybox", "cannot specify both --restart and --rm"],
  ["--no-healthcheck --health-cmd x busybox", "--no-healthcheck conflicts"],
  ["--isolation microvm --runtime runc busybox", "--isolation microvm means --runtime isle-vm"],
  ["--isolation vault busybox", "want one of default, container, sandbox, microvm"],
  ["--network a --network a busybox", "specified multiple times"],
  ["--network host --network-alias a busybox", "only supported for user-defined networks"],
  ["--env-file nosuch busybox", "open nosuch: no such file or directory"],
  ["--memory-swappiness 101 busybox", "range is 0-100"],
  ["--mount type=bind,src=/a busybox", "target is required"],
  ["--sysctl vm.swappiness=1 busybox", "is not allowed"],
  ["--pid bad busybox", "invalid PID mode"],
  ["-p 1-2:3-5 busybox", "invalid ranges"],
  ["-p x busybox", "invalid containerPort: x"],
];

for (const [line, message] of conflicts) {
  test(`${line} is refused`, () => {
    expect(() => bodyOf(line)).toThrow(message);
  });
}
