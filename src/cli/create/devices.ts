import type { DeviceMapping, DeviceRequest, Resources, ThrottleDevice } from "../../api/generated/engine-api.ts";
import { parseBytes } from "../../base/size.ts";
import { usageError } from "../exit.ts";
import { splitOnce } from "../split-once.ts";
import { csvFields } from "./mounts.ts";

/** `vendor.com/class=name`, a device that a CDI file describes. */
const cdiPattern = /^[A-Za-z][\w.-]*\/[A-Za-z][\w.-]*=[A-Za-z0-9][\w.:-]*$/;

export interface DevicePlan {
  readonly Devices: DeviceMapping[];
  readonly DeviceRequests: DeviceRequest[];
}

/** What `--device` and `--gpus` ask for. */
export function devicePlan(devices: readonly string[], gpus: string): DevicePlan {
  const cdi = devices.filter((text) => cdiPattern.test(text));
  const requests = gpus === "" ? [] : [gpuRequest(gpus)];
  if (cdi.length > 0) requests.push({ Driver: "cdi", DeviceIDs: cdi });
  return { Devices: devices.filter((text) => !cdi.includes(text)).map(deviceMapping), DeviceRequests: requests };
}

function deviceMapping(text: string): DeviceMapping {
  const [host = "", second, third, ...more] = text.split(":");
  if (more.length > 0 || host === "") throw usageError(`invalid device specification: ${text}`);
  const secondIsMode = second !== undefined && third === undefined && isMode(second);
  return {
    PathOnHost: host,
    PathInContainer: second === undefined || secondIsMode ? host : second,
    CgroupPermissions: third ?? (secondIsMode ? second : "rwm"),
  };
}

const isMode = (text: string): boolean => /^[rwm]{1,3}$/.test(text) && new Set(text).size === text.length;

/** `all`, a number, or fields such as `device=0,capabilities=compute`. */
function gpuRequest(text: string): DeviceRequest {
  const request: DeviceRequest & { Count?: number } = { Capabilities: [["gpu"]], Options: {} };
  for (const field of csvFields(text)) setGpuField(request, field);
  if (request.Count === undefined && !request.DeviceIDs) request.Count = 1;
  return request;
}

function setGpuField(request: DeviceRequest, field: string): void {
  const [key, value] = splitOnce(field, "=");
  if (value === undefined) request.Count = gpuCount(key);
  else if (key === "count") request.Count = gpuCount(value);
  else if (key === "driver") request.Driver = value;
  else if (key === "device") request.DeviceIDs = value.split(",");
  else if (key === "capabilities") request.Capabilities = [[...value.split(","), "gpu"]];
  else if (key === "options") {
    request.Options = Object.fromEntries(
      csvFields(value)
        .map((option) => splitOnce(option, "="))
        .map(([k, v = ""]) => [k, v]),
    );
  } else throw usageError(`unexpected key '${key}' in '${field}'`);
}

function gpuCount(text: string): number {
  if (text === "all") return -1;
  if (!/^-?\d+$/.test(text)) throw usageError(`count must be an integer, not ${JSON.stringify(text)}`);
  return Number(text);
}

/** `device:weight` pairs. */
export const weights = (texts: readonly string[]) => texts.map(parseWeight);

export function parseWeight(text: string): { Path: string; Weight: number } {
  const [Path, weight] = devicePair(text, "device-path:weight");
  const isInRange = Number(weight) === 0 || (Number(weight) >= 10 && Number(weight) <= 1000);
  if (!/^\d+$/.test(weight) || !isInRange) throw usageError(`invalid weight for device: ${text}`);
  return { Path, Weight: Number(weight) };
}

/** `device:rate` pairs; a rate in bytes may have a unit. */
export const throttles = (texts: readonly string[], unit: RateUnit): ThrottleDevice[] =>
  texts.map((text) => parseThrottle(text, unit));

type RateUnit = "bytes" | "operations";

export function parseThrottle(text: string, unit: RateUnit): ThrottleDevice {
  const [Path, rate] = devicePair(text, "device-path:number[unit]");
  if (unit === "operations" && !/^\d+$/.test(rate)) throw usageError(`invalid rate for device: ${text}`);
  return { Path, Rate: unit === "bytes" ? parseBytes(rate) : Number(rate) };
}

function devicePair(text: string, form: string): [string, string] {
  const [path, value] = splitOnce(text, ":");
  if (!value) throw usageError(`bad format: ${text}: want <${form}>`);
  if (!path.startsWith("/dev/")) throw usageError(`bad format for device path: ${text}`);
  return [path, value];
}

const limitNames = new Set(
  "core cpu data fsize locks memlock msgqueue nice nofile nproc rss rtprio rttime sigpending stack".split(" "),
);

/** Each limit once, the last that was written, sorted by name. */
export function ulimits(texts: readonly string[]): NonNullable<Resources["Ulimits"]> {
  const byName = new Map(texts.map(parseUlimit).map((limit) => [limit.Name, limit]));
  return [...byName.values()].sort((a, b) => (a.Name < b.Name ? -1 : 1));
}

/** Reads `name=soft[:hard]`; -1 is no limit. */
export function parseUlimit(text: string): { Name: string; Soft: number; Hard: number } {
  const match = /^([^=]+)=(-1|\d+)(?::(-1|\d+))?$/.exec(text);
  if (!match) throw usageError(`invalid ulimit argument: ${text}`);
  const [, Name = "", soft, hard = soft] = match;
  if (!limitNames.has(Name)) throw usageError(`invalid ulimit type: ${Name}`);
  const Soft = Number(soft);
  const Hard = Number(hard);
  if (Hard !== -1 && (Soft > Hard || Soft === -1)) {
    throw usageError(`ulimit soft limit must be less than or equal to hard limit: ${Soft} > ${Hard}`);
  }
  return { Name, Soft, Hard };
}
