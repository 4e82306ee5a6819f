import type { ContainerConfig } from "../../api/generated/engine-api.ts";
import { invalid } from "../../base/error.ts";
import type { PathStat } from "../../core/archive.ts";
import { commitInstance } from "../../engine/instance/commit.ts";
import type { InstanceDeps } from "../../engine/instance/deps.ts";
import { exportInstance, readPath, statPath, writePath } from "../../engine/instance/files.ts";
import { type Exchange, empty, json, type Route, sent } from "../exchange.ts";
import { readObject, shapeOf } from "../json-body.ts";
import { pipeOut } from "../raw-stream.ts";

type Handler = Route<InstanceDeps>["handle"];

function wantedPath({ query }: Exchange): string {
  const path = query.text("path");
  if (!path) throw invalid("missing query parameter: path");
  return path.startsWith("/") ? path : `/${path}`;
}

/** Clients read what they are about to get from a header. */
const statHeader = (stat: PathStat): Record<string, string> => ({
  "X-Docker-Container-Path-Stat": Buffer.from(
    JSON.stringify({
      name: stat.name,
      size: stat.sizeBytes,
      mode: stat.mode,
      mtime: stat.modifiedAt,
      linkTarget: stat.linkTarget,
    }),
  ).toString("base64"),
});

const head: Handler = async (exchange, deps) => {
  const stat = await statPath(deps, exchange.params["id"]!, wantedPath(exchange));
  return { status: 200, headers: statHeader(stat) };
};

const get: Handler = async (exchange, deps) => {
  const { stat, tar } = await readPath(deps, exchange.params["id"]!, wantedPath(exchange));
  exchange.response.writeHead(200, { "Content-Type": "application/x-tar", ...statHeader(stat) });
  await pipeOut(tar, exchange);
  return sent;
};

const put: Handler = async (exchange, deps) => {
  const { params, query, request } = exchange;
  await writePath(deps, params["id"]!, {
    path: wantedPath(exchange),
    tar: request,
    keepKind: query.flag("noOverwriteDirNonDir"),
    copyOwner: query.flag("copyUIDGID"),
  });
  return empty(200);
};

const exportRoot: Handler = async (exchange, deps) => {
  const tar = await exportInstance(deps, exchange.params["id"]!);
  exchange.response.writeHead(200, { "Content-Type": "application/octet-stream" });
  await pipeOut(tar, exchange);
  return sent;
};

const commit: Handler = async (exchange, deps) => {
  const { query } = exchange;
  const config = await readObject<ContainerConfig>(exchange, shapeOf("ContainerConfig"), { optional: true });
  const id = await commitInstance(deps, {
    instance: query.text("container") ?? "",
    repository: query.text("repo") ?? "",
    tag: query.text("tag") ?? "",
    author: query.text("author") ?? "",
    comment: query.text("comment") ?? "",
    changes: query.all("changes"),
    pause: query.flag("pause", true),
    config,
  });
  return json(201, { Id: id });
};

export const containerFileRoutes: ReadonlyArray<Route<InstanceDeps>> = [
  { method: "HEAD", path: "/containers/{id}/archive", handle: head },
  { method: "GET", path: "/containers/{id}/archive", handle: get },
  { method: "PUT", path: "/containers/{id}/archive", handle: put },
  { method: "GET", path: "/containers/{id}/export", handle: exportRoot },
  { method: "POST", path: "/commit", handle: commit },
];
