import type { HostConfig } from "../../api/generated/engine-api.ts";
import { invalid } from "../../base/error.ts";
import type { Machine } from "../../core/machine.ts";
import type { OciDevice, OciResources } from "../../core/oci-spec.ts";

type Rule = NonNullable<OciResources["devices"]>[number];

/** Character devices that every workload may use; the runtime makes the nodes themselves. */
const standard: Rule[] = [
  { allow: true, type: "c", major: 1, minor: 5, access: "rwm" }, // zero
  { allow: true, type: "c", major: 1, minor: 3, access: "rwm" }, // null
  { allow: true, type: "c", major: 1, minor: 9, access: "rwm" }, // urandom
  { allow: true, type: "c", major: 1, minor: 8, access: "rwm" }, // random
  { allow: true, type: "c", major: 1, minor: 7, access: "rwm" }, // full
  { allow: true, type: "c", major: 5, minor: 0, access: "rwm" }, // tty
  { allow: true, type: "c", major: 5, minor: 1, access: "rwm" }, // console
  { allow: true, type: "c", major: 5, minor: 2, access: "rwm" }, // ptmx
  { allow: true, type: "c", major: 136, access: "rwm" }, // pts
];
/** mknod is harmless without the right to open what was made. */
const mayMakeNodes: Rule[] = [
  { allow: true, type: "c", access: "m" },
  { allow: true, type: "b", access: "m" },
];

/** Nodes to make and the cgroup rules that allow them. */
export function planDevices(host: HostConfig, machine: Machine): { devices: OciDevice[]; rules: Rule[] } {
  if (host.Privileged) return { devices: machine.allDevices(), rules: [{ allow: true, access: "rwm" }] };
  const asked = (host.Devices ?? []).flatMap((mapping) => mapDevice(mapping, machine));
  const rules = [
    { allow: false, access: "rwm" },
    ...mayMakeNodes,
    ...standard,
    ...asked.map(({ device, access }) => ({
      allow: true,
      type: device.type,
      major: device.major,
      minor: device.minor,
      access,
    })),
    ...(host.DeviceCgroupRules ?? []).map(parseDeviceRule),
  ];
  return { devices: asked.map(({ device }) => device), rules };
}

type Mapping = NonNullable<HostConfig["Devices"]>[number];

function mapDevice(mapping: Mapping, machine: Machine): Array<{ device: OciDevice; access: string }> {
  const source = mapping.PathOnHost ?? "";
  const target = mapping.PathInContainer || source;
  const access = mapping.CgroupPermissions || "rwm";
  if (!/^[rwm]{1,3}$/.test(access)) throw invalid(`bad device mode: ${access}`);
  return machine.devices(source).map((device) => {
    const path = device.path === source ? target : `${target}${device.path.slice(source.length)}`;
    return { device: { ...device, path }, access };
  });
}

/** Reads `c 1:3 rwm` with `*` for any number and `a` for any type. */
export function parseDeviceRule(text: string): Rule {
  const match = /^([acb]) (\d+|\*):(\d+|\*) ([rwm]{1,3})$/.exec(text);
  if (!match) throw invalid(`invalid device cgroup rule format: '${text}'`);
  const [, type, major, minor, access] = match;
  return {
    allow: true,
    type: type!,
    ...(major !== "*" && { major: Number(major) }),
    ...(minor !== "*" && { minor: Number(minor) }),
    access: access!,
  };
}
