import { conflict, invalid, notFound, unsupported } from "../../base/error.ts";
import { newId } from "../../base/id.ts";
import { now } from "../../base/time.ts";
import type { EventBus } from "../../core/event.ts";
import type { VolumeDriver, VolumeRecord, VolumeRepository } from "../../core/volume.ts";

export interface VolumeDeps {
  readonly volumes: VolumeRepository;
  readonly volumeDriver: VolumeDriver;
  readonly events: EventBus;
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
  const driver = request.driver || "local";
  if (driver !== "local") throw notFound(`error looking up volume plugin ${driver}: plugin "${driver}" not found`);
  const name = request.name || newId();
  if (!/^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,254}$/.test(name)) {
    throw invalid(
      `create ${name}: "${name}" includes invalid characters for a local volume name, only "[a-zA-Z0-9][a-zA-Z0-9_.-]" are allowed`,
    );
  }
  const options = checkOptions(request.options ?? {});
  const present = deps.volumes.get(name);
  if (present) return checkSame(present, options);
  const volume: VolumeRecord = {
    name,
    driver: "local",
    createdAt: `${now().slice(0, 19)}Z`,
    labels: request.labels ?? {},
    options,
    anonymous: request.anonymous ?? request.name === "",
  };
  deps.volumeDriver.create(volume);
  deps.volumes.put(volume);
  deps.events.publish({ type: "volume", action: "create", actor: { id: name, attributes: { driver: "local" } } });
  return volume;
}

function checkOptions(options: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const known = ["type", "device", "o"];
  const bad = Object.keys(options).find((option) => !known.includes(option));
  if (bad === "size") throw unsupported("volume option size is not supported: the storage of volumes has no quota");
  if (bad !== undefined) throw invalid(`invalid option: "${bad}"`);
  if (Object.keys(options).length > 0 && !options["device"]) throw invalid(`missing required option: "device"`);
  if (options["device"] && !options["type"] && !/\bbind\b/.test(options["o"] ?? "")) {
    throw invalid(`missing required option: "type"`);
  }
  return options;
}

function checkSame(present: VolumeRecord, options: Readonly<Record<string, string>>): VolumeRecord {
  if (Object.keys(options).length > 0 && JSON.stringify(options) !== JSON.stringify(present.options)) {
    throw conflict(`volume name must be unique: a volume ${present.name} with other options exists`);
  }
  return present;
}
