import type { PortMap } from "../../api/generated/engine-api.ts";
import { addPorts, removePorts } from "../../engine/instance/change-ports.ts";
import type { InstanceDeps } from "../../engine/instance/deps.ts";
import { empty, json, type Route } from "../exchange.ts";
import { readObject, shapeOf } from "../json-body.ts";

type Handler = Route<InstanceDeps>["handle"];

const bodyShape = { type: "object", properties: { PortBindings: shapeOf("PortMap") } };

const add: Handler = async (exchange, deps) => {
  const body = await readObject<{ PortBindings?: PortMap }>(exchange, bodyShape);
  const added = await addPorts(deps, exchange.params["id"]!, body.PortBindings ?? {});
  const shown = added.map(({ containerPort, protocol, hostAddress, hostPort }) => ({
    PrivatePort: containerPort,
    PublicPort: hostPort,
    IP: hostAddress || "0.0.0.0",
    Type: protocol,
  }));
  return json(200, { Ports: shown });
};

const remove: Handler = async ({ params, query }, deps) => {
  await removePorts(deps, params["id"]!, {
    port: query.text("port") ?? "",
    hostPort: query.text("hostPort") ?? "",
    hostAddress: query.text("hostAddress") ?? "",
  });
  return empty(204);
};

/** isle's own: Docker fixes the published ports when a container is made. */
export const portRoutes: ReadonlyArray<Route<InstanceDeps>> = [
  { method: "POST", path: "/isle/containers/{id}/ports", handle: add },
  { method: "DELETE", path: "/isle/containers/{id}/ports", handle: remove },
];
