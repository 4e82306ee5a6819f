import { parseDuration } from "../../base/time.ts";
import { choice, readable } from "../flags/checks.ts";
import type { FlagTable } from "../flags/flag.ts";
import { checkAttach, checkDeviceRule, checkSysctl, extraHost } from "./checks.ts";
import { parseThrottle, parseUlimit, parseWeight } from "./devices.ts";
import { parseMount } from "./mounts.ts";
import { checkLink, checkPort } from "./ports.ts";

const bytesRate = readable((text) => parseThrottle(text, "bytes"));
const operationsRate = readable((text) => parseThrottle(text, "operations"));

const identity = {
  annotation: { type: "map", help: "Note for the OCI runtime" },
  domainname: { type: "string", help: "Domain name inside the container" },
  entrypoint: { type: "string", help: "Program to run instead of the image's entry point" },
  env: { type: "list", short: "e", help: "Set an environment variable, or pass the caller's on" },
  "env-file": { type: "list", help: "Read environment variables from a file, one a line" },
  "group-add": { type: "list", help: "Further group of the process" },
  hostname: { type: "string", short: "h", help: "Host name inside the container" },
  label: { type: "list", short: "l", help: "Set a label" },
  "label-file": { type: "list", help: "Read labels from a file, one a line" },
  name: { type: "string", help: "Name of the container" },
  user: { type: "string", short: "u", help: "Who runs the process", value: "name|uid[:group|gid]" },
  workdir: { type: "string", short: "w", help: "Directory the process starts in" },
} as const satisfies FlagTable;

const life = {
  attach: { type: "list", short: "a", help: "Attach stdin, stdout or stderr only", check: checkAttach },
  cidfile: { type: "string", help: "Write the container's id to this file" },
  "health-cmd": { type: "string", help: "Command that checks the container's health" },
  "health-interval": { type: "duration", help: "Time between two checks" },
  "health-retries": { type: "int", help: "Failures in a row that make it unhealthy" },
  "health-start-interval": { type: "duration", help: "Time between two checks while it starts" },
  "health-start-period": { type: "duration", help: "Time to start in, during which failures do not count" },
  "health-timeout": { type: "duration", help: "Time one check may take" },
  init: { type: "bool", help: "Run an init that forwards signals and reaps processes" },
  interactive: { type: "bool", short: "i", help: "Keep stdin open" },
  "log-driver": { type: "string", help: "Where its output goes" },
  "log-opt": { type: "list", help: "Option of the log driver" },
  "no-healthcheck": { type: "bool", help: "Ignore the image's health check" },
  restart: {
    type: "string",
    default: "no",
    help: "When to start it again: no, on-failure[:N], always, unless-stopped",
  },
  rm: { type: "bool", help: "Remove the container and its anonymous volumes when it ends" },
  "stop-signal": { type: "string", help: "Signal that asks it to stop" },
  "suspend-after": {
    type: "string",
    help: "Save a microVM to disk once it is idle for so long, such as 5m; it wakes when it is wanted",
    value: "duration",
    check: readable(parseDuration),
  },
  "stop-timeout": { type: "int", help: "Seconds from that signal to SIGKILL" },
  tty: { type: "bool", short: "t", help: "Give it a terminal" },
} as const satisfies FlagTable;

const image = {
  "disable-content-trust": { type: "bool", default: true, help: "Accepted for Docker's sake", hidden: true },
  platform: { type: "string", help: "Take the image for this platform" },
  pull: { type: "string", default: "missing", help: "When to pull the image: always, missing, never" },
  quiet: { type: "bool", short: "q", help: "Show nothing of the pull" },
} as const satisfies FlagTable;

const isolation = {
  "cap-add": { type: "list", help: "Give a Linux capability" },
  "cap-drop": { type: "list", help: "Take a Linux capability away" },
  "cgroup-parent": { type: "string", help: "Cgroup to put the container's under" },
  cgroupns: { type: "string", help: "Cgroup namespace: host or private", check: choice("host", "private", "") },
  ipc: { type: "string", help: "IPC namespace: private, shareable, host, none, container:NAME" },
  isolation: {
    type: "string",
    help: "How strongly it is separated: container, sandbox, microvm",
    check: choice("", "default", "container", "sandbox", "microvm"),
  },
  pid: { type: "string", help: "PID namespace: host or container:NAME" },
  privileged: { type: "bool", help: "Give it every right on this machine" },
  "read-only": { type: "bool", help: "Make its root file system read-only" },
  runtime: { type: "string", help: "OCI runtime to use" },
  "security-opt": { type: "list", help: "Security option" },
  sysctl: { type: "map", help: "Set a kernel parameter of its namespaces", check: checkSysctl },
  ulimit: {
    type: "list",
    help: "Limit a resource of its processes",
    value: "name=soft[:hard]",
    check: readable(parseUlimit),
  },
  userns: { type: "string", help: "User namespace: host or empty" },
  uts: { type: "string", help: "UTS namespace: host or empty" },
} as const satisfies FlagTable;

const network = {
  "add-host": { type: "list", help: "Add a line to /etc/hosts", value: "host:ip", check: extraHost },
  dns: { type: "list", help: "DNS server to ask" },
  "dns-opt": { type: "list", help: "Option of the resolver", hidden: true },
  "dns-option": { type: "list", help: "Option of the resolver" },
  "dns-search": { type: "list", help: "Domain to search in" },
  expose: { type: "list", help: "Port, or range of ports, that it serves" },
  ip: { type: "string", help: "Its IPv4 address" },
  ip6: { type: "string", help: "Its IPv6 address" },
  link: { type: "list", help: "Name another container for it", value: "name[:alias]", check: checkLink },
  "link-local-ip": { type: "list", help: "Further link-local address" },
  "mac-address": { type: "string", help: "Its MAC address" },
  net: { type: "list", help: "Same as --network", hidden: true },
  "net-alias": { type: "list", help: "Same as --network-alias", hidden: true },
  network: { type: "list", help: "Network to join; name=…,alias=…,ip=… for more" },
  "network-alias": { type: "list", help: "Further name on its network" },
  "network-egress": {
    type: "list",
    help: "Let it reach this block of addresses or domain, and no other; none for nothing",
    value: "target[:port]",
  },
  "network-rate-in": { type: "string", help: "At most so much to it, such as 10mbit" },
  "network-rate-out": { type: "string", help: "At most so much from it" },
  publish: {
    type: "list",
    short: "p",
    help: "Publish a port on this machine",
    value: "[ip:][port:]port[/proto]",
    check: checkPort,
  },
  "publish-all": { type: "bool", short: "P", help: "Publish every exposed port on a free one" },
} as const satisfies FlagTable;

const storage = {
  mount: {
    type: "list",
    help: "Mount a volume, directory, image or tmpfs",
    value: "type=…,source=…,target=…",
    check: readable((text) => parseMount(text, "/")),
  },
  "shm-size": { type: "bytes", help: "Size of /dev/shm" },
  "storage-opt": { type: "list", help: "Option of the storage driver" },
  tmpfs: { type: "list", help: "Mount a tmpfs", value: "path[:options]" },
  "use-api-socket": { type: "bool", help: "Give it the engine's socket", hidden: true },
  volume: { type: "list", short: "v", help: "Mount a directory or volume", value: "[source:]target[:options]" },
  "volume-driver": { type: "string", help: "Driver of its volumes" },
  "volumes-from": { type: "list", help: "Mount what another container has" },
} as const satisfies FlagTable;

/** Limits; `update` has most of them too. */
export const limitFlags = {
  "blkio-weight": { type: "uint", help: "Share of block I/O, 10 to 1000, 0 for none" },
  "cpu-period": { type: "int", help: "Length of a CPU period in microseconds" },
  "cpu-quota": { type: "int", help: "CPU time in a period in microseconds" },
  "cpu-rt-period": { type: "int", help: "Length of a real-time period in microseconds" },
  "cpu-rt-runtime": { type: "int", help: "Real-time CPU time in a period in microseconds" },
  "cpu-shares": { type: "int", short: "c", help: "Share of CPU time against others" },
  cpus: { type: "decimal", help: "Number of CPUs it may use" },
  "cpuset-cpus": { type: "string", help: "CPUs it may run on, such as 0-3 or 0,1" },
  "cpuset-mems": { type: "string", help: "Memory nodes it may use" },
  "kernel-memory": { type: "bytes", help: "Limit of kernel memory", hidden: true },
  memory: { type: "bytes", short: "m", help: "Limit of memory" },
  "memory-reservation": { type: "bytes", help: "Memory to keep to when it is short" },
  "memory-swap": { type: "bytes", help: "Limit of memory and swap together, -1 for no limit" },
  "pids-limit": { type: "int", help: "Number of processes, -1 for no limit" },
} as const satisfies FlagTable;

const devices = {
  "blkio-weight-device": {
    type: "list",
    help: "Share of one device's I/O",
    value: "device:weight",
    check: readable(parseWeight),
  },
  "cpu-count": { type: "int", help: "Windows only", hidden: true },
  "cpu-percent": { type: "int", help: "Windows only", hidden: true },
  device: { type: "list", help: "Give it a device", value: "host[:container[:rwm]]" },
  "device-cgroup-rule": {
    type: "list",
    help: "Allow a kind of device",
    value: "type major:minor rwm",
    check: checkDeviceRule,
  },
  "device-read-bps": {
    type: "list",
    help: "Bytes a second it may read from a device",
    value: "device:rate",
    check: bytesRate,
  },
  "device-read-iops": {
    type: "list",
    help: "Reads a second from a device",
    value: "device:rate",
    check: operationsRate,
  },
  "device-write-bps": {
    type: "list",
    help: "Bytes a second it may write to a device",
    value: "device:rate",
    check: bytesRate,
  },
  "device-write-iops": {
    type: "list",
    help: "Writes a second to a device",
    value: "device:rate",
    check: operationsRate,
  },
  gpus: { type: "string", help: 'GPUs to give it, "all" for every one' },
  "io-maxbandwidth": { type: "bytes", help: "Windows only", hidden: true },
  "io-maxiops": { type: "uint", help: "Windows only", hidden: true },
  "memory-swappiness": { type: "int", default: -1, help: "How readily it swaps, 0 to 100" },
  "oom-kill-disable": { type: "bool", help: "Let it wait instead of being killed when memory is short" },
  "oom-score-adj": { type: "int", help: "How readily it is killed when memory is short, -1000 to 1000" },
} as const satisfies FlagTable;

/** Every flag that describes a container. */
export const containerFlags = {
  ...identity,
  ...life,
  ...image,
  ...isolation,
  ...network,
  ...storage,
  ...limitFlags,
  ...devices,
} as const satisfies FlagTable;

export type ContainerFlags = typeof containerFlags;
