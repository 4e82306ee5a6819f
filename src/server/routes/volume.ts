import type { Volume, VolumeCreateOptions } from "../../api/generated/engine-api.ts";
import type { VolumeRecord } from "../../core/volume.ts";
import type { InstanceDeps } from "../../engine/instance/deps.ts";
import { createVolume } from "../../engine/volume/create.ts";
import {
  findVolume,
  listVolumes,
  pruneVolumes,
  removeVolume,
  volumeFilters,
  volumePruneFilters,
} from "../../engine/volume/volumes.ts";
import { empty, json, type Route } from "../exchange.ts";
import { readObject, shapeOf } from "../json-body.ts";

type Handler = Route<InstanceDeps>["handle"];

export const encodeVolume = (deps: Pick<InstanceDeps, "volumeDriver">, volume: VolumeRecord): Volume => ({
  Name: volume.name,
  Driver: volume.driver,
  Mountpoint: deps.volumeDriver.path(volume.name),
  CreatedAt: volume.createdAt,
  Labels: Object.keys(volume.labels).length > 0 || !volume.anonymous ? { ...volume.labels } : null,
  Scope: "local",
  Options: Object.keys(volume.options).length > 0 ? { ...volume.options } : null,
});

const list: Handler = ({ query }, deps) => {
  const volumes = listVolumes(deps, query.filters(volumeFilters));
  return json(200, { Volumes: volumes.map((volume) => encodeVolume(deps, volume)), Warnings: null });
};

const create: Handler = async (exchange, deps) => {
  const body = await readObject<VolumeCreateOptions>(exchange, shapeOf("VolumeCreateOptions"), { optional: true });
  const texts = (map: Record<string, string | null> | null | undefined) =>
    Object.fromEntries(Object.entries(map ?? {}).map(([key, value]) => [key, value ?? ""]));
  const volume = await createVolume(deps, {
    name: body.Name ?? "",
    ...(body.Driver && { driver: body.Driver }),
    options: texts(body.DriverOpts),
    labels: texts(body.Labels),
  });
  return json(201, encodeVolume(deps, volume));
};

const inspect: Handler = ({ params }, deps) => json(200, encodeVolume(deps, findVolume(deps, params["name"]!)));

const remove: Handler = async ({ params, query }, deps) => {
  await removeVolume(deps, params["name"]!, query.flag("force"));
  return empty(204);
};

const prune: Handler = async ({ query }, deps) => {
  const { names, bytes } = await pruneVolumes(deps, query.filters(volumePruneFilters));
  return json(200, { VolumesDeleted: names.length > 0 ? names : null, SpaceReclaimed: bytes });
};

export const volumeRoutes: ReadonlyArray<Route<InstanceDeps>> = [
  { method: "GET", path: "/volumes", handle: list },
  { method: "POST", path: "/volumes/create", handle: create },
  { method: "POST", path: "/volumes/prune", handle: prune },
  { method: "GET", path: "/volumes/{name}", handle: inspect },
  { method: "DELETE", path: "/volumes/{name}", handle: remove },
];
