import { join } from "node:path";
import { type InstanceRecord, isRunning } from "../../core/instance.ts";
import type { InstanceDeps } from "./deps.ts";
import { ownHosts, resolvConf } from "./network-files.ts";

/**
 * Brings the files of a running instance after a change of its networks. They are written over, since the mounts inside
 * stand on the files themselves. A resolv.conf that somebody changed inside stays; in hosts only our lines change.
 */
export function refreshNetworkFiles(deps: InstanceDeps, before: InstanceRecord, after: InstanceRecord): void {
  const file = (name: string) => join(deps.settings.paths.instance(after.id), name);
  const resolver = file("resolv.conf");
  const was = resolvConf(deps, before, endpointsOf(before));
  const is = resolvConf(deps, after, endpointsOf(after));
  if (was !== is && deps.machine.readText(resolver) === was) deps.machine.writeFile(resolver, is);
  const old = new Set(ownLines(before));
  const now = ownLines(after);
  const kept = (deps.machine.readText(file("hosts")) ?? "").trimEnd().split("\n");
  const lines = [
    ...kept.filter((line) => !old.has(line) || now.includes(line)),
    ...now.filter((line) => !old.has(line)),
  ];
  deps.machine.writeFile(file("hosts"), `${lines.join("\n")}\n`);
}

const endpointsOf = (record: InstanceRecord) => (isRunning(record) ? record.state.endpoints : []);
const ownLines = (record: InstanceRecord): string[] => endpointsOf(record).flatMap((each) => ownHosts(record, each));
