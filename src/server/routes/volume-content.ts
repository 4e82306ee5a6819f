import type { VolumeSnapshot } from "../../core/volume-snapshot.ts";
import type { InstanceDeps } from "../../engine/instance/deps.ts";
import {
  cloneVolume,
  listSnapshots,
  removeSnapshot,
  restoreVolume,
  snapshotVolume,
} from "../../engine/volume/snapshots.ts";
import { exportVolume, importVolume } from "../../engine/volume/transfer.ts";
import { empty, json, type Route, sent } from "../exchange.ts";
import { pipeOut } from "../raw-stream.ts";
import { encodeVolume } from "./volume.ts";

type Handler = Route<InstanceDeps>["handle"];

const encodeSnapshot = ({ name, createdAt, method, sizeBytes }: VolumeSnapshot) => ({
  Name: name,
  CreatedAt: createdAt,
  Method: method,
  Size: sizeBytes,
});

const take: Handler = async ({ params, query }, deps) =>
  json(201, encodeSnapshot(await snapshotVolume(deps, params["name"]!, query.text("name") ?? "")));

const list: Handler = ({ params }, deps) => json(200, listSnapshots(deps, params["name"]!).map(encodeSnapshot));

const remove: Handler = async ({ params }, deps) => {
  await removeSnapshot(deps, params["name"]!, params["snapshot"]!);
  return empty(204);
};

const restore: Handler = async ({ params }, deps) =>
  json(200, { Method: await restoreVolume(deps, params["name"]!, params["snapshot"]!) });

const clone: Handler = async ({ params, query }, deps) => {
  const snapshot = query.text("snapshot") || undefined;
  const made = await cloneVolume(deps, { source: params["name"]!, snapshot, target: query.text("target") ?? "" });
  return json(201, { ...encodeVolume(deps, made.volume), Method: made.method });
};

const exportTar: Handler = async (exchange, deps) => {
  const tar = await exportVolume(deps, exchange.params["name"]!, exchange.query.text("snapshot") || undefined);
  exchange.response.writeHead(200, { "Content-Type": "application/x-tar" });
  await pipeOut(tar, exchange);
  return sent;
};

const importTar: Handler = async ({ request, query }, deps) => {
  const pairs = (name: string) => Object.fromEntries(query.all(name).map(splitPair));
  const asked = { name: query.text("name") ?? "", options: pairs("opt"), labels: pairs("label") };
  try {
    return json(201, encodeVolume(deps, await importVolume(deps, asked, request)));
  } catch (error) {
    // A client that is still sending does not hear the answer.
    for await (const _ of request);
    throw error;
  }
};

function splitPair(text: string): [string, string] {
  const [name = "", ...rest] = text.split("=");
  return [name, rest.join("=")];
}

/** What isle does with volumes beyond Docker's API. */
export const volumeContentRoutes: ReadonlyArray<Route<InstanceDeps>> = [
  { method: "POST", path: "/isle/volumes/import", handle: importTar },
  { method: "GET", path: "/isle/volumes/{name}/snapshots", handle: list },
  { method: "POST", path: "/isle/volumes/{name}/snapshots", handle: take },
  { method: "DELETE", path: "/isle/volumes/{name}/snapshots/{snapshot}", handle: remove },
  { method: "POST", path: "/isle/volumes/{name}/snapshots/{snapshot}/restore", handle: restore },
  { method: "POST", path: "/isle/volumes/{name}/clone", handle: clone },
  { method: "GET", path: "/isle/volumes/{name}/export", handle: exportTar },
];
