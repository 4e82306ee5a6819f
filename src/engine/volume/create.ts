import { conflict, invalid, notFound } from "../../base/error.ts";
import { newId } from "../../base/id.ts";
import type { KeyedLock } from "../../base/keyed-lock.ts";
import { parseBytes } from "../../base/size.ts";
import { now } from "../../base/time.ts";
import type { EventBus } from "../../core/event.ts";
import type { VolumeDriver, VolumeRecord, VolumeRepository } from "../../core/volume.ts";

export interface VolumeDeps {
  readonly volumes: VolumeRepository;
  readonly volumeDriver: VolumeDriver;
  readonly events: EventBus;
  readonly locks: KeyedLock;
}

export interface CreateVolumeRequest {
  /** Empty for a random name. */
  readonly name: string;
  readonly driver?: string;
  readonly options?: Readonly<Record<string, string>>;
  readonly labels?: Readonly<Record<string, string>>;
  readonly anonymous?: boolean;
}

/** Makes a volume; one that is there with the same options is returned as it is. */
export async function createVolume(deps: VolumeDeps, request: CreateVolumeRequest): Promise<VolumeRecord> {
  const volume = newVolume(request);
  return await deps.locks.run(`new volume ${volume.name}`, async () => {
    const present = deps.volumes.get(volume.name);
    if (present) return checkSame(present, volume.options);
    await deps.volumeDriver.create(volume);
    recordVolume(deps, volume);
    return volume;
  });
}

/** The record of a volume that is to be made. Refuses a name or options that cannot be. */
export function newVolume(request: CreateVolumeRequest): VolumeRecord {
  const driver = request.driver || "local";
  if (driver !== "local") throw notFound(`error looking up volume plugin ${driver}: plugin "${driver}" not found`);
  const name = request.name || newId();
  if (!/^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,254}$/.test(name)) {
    throw invalid(
      `create ${name}: "${name}" includes invalid characters for a local volume name, only "[a-zA-Z0-9][a-zA-Z0-9_.-]" are allowed`,
    );
  }
  if (name.length < 2) {
    throw invalid(`create ${name}: volume name is too short, names should be at least two alphanumeric characters`);
  }
  return {
    name,
    driver: "local",
    createdAt: `${now().slice(0, 19)}Z`,
    labels: request.labels ?? {},
    options: checkOptions(name, request.options ?? {}),
    anonymous: request.anonymous ?? request.name === "",
  };
}

export function recordVolume(deps: VolumeDeps, volume: VolumeRecord): void {
  deps.volumes.put(volume);
  publishVolume(deps, volume, "create");
}

export function publishVolume(
  { events }: Pick<VolumeDeps, "events">,
  { name, driver }: VolumeRecord,
  action: string,
  more: Readonly<Record<string, string>> = {},
): void {
  events.publish({ type: "volume", action, actor: { id: name, attributes: { driver, ...more } } });
}

/** Which other options each one needs. */
const needs: Readonly<Record<string, readonly string[]>> = {
  type: ["device"],
  device: ["type"],
  o: ["device", "type"],
  size: [],
};

/** A file system needs room for its own records. */
const minSizeBytes = 4 << 20;

function checkOptions(name: string, options: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const names = Object.keys(options);
  const bad = names.find((option) => !Object.hasOwn(needs, option));
  if (bad !== undefined) throw invalid(`create ${name}: invalid option: "${bad}"`);
  const missing = names.flatMap((option) => needs[option]!).find((option) => !options[option]);
  if (missing !== undefined) throw invalid(`create ${name}: missing required option: "${missing}"`);
  if (options["size"] === undefined) return options;
  if (options["device"]) {
    throw invalid(`create ${name}: size is for a volume without a device`, { hint: "a tmpfs takes o=size=…" });
  }
  if (parseBytes(options["size"]) < minSizeBytes) {
    throw invalid(`create ${name}: size ${options["size"]} is too small for a volume: it wants at least 4m`);
  }
  return options;
}

function checkSame(present: VolumeRecord, options: Readonly<Record<string, string>>): VolumeRecord {
  if (Object.keys(options).length > 0 && JSON.stringify(options) !== JSON.stringify(present.options)) {
    throw conflict(`volume name must be unique: a volume ${present.name} with other options exists`);
  }
  return present;
}
