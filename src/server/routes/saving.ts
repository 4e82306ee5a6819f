import type { InstanceDeps } from "../../engine/instance/deps.ts";
import { forkInstance } from "../../engine/instance/fork.ts";
import { resumeSuspended } from "../../engine/instance/resume.ts";
import { suspendInstance } from "../../engine/instance/suspend.ts";
import { empty, json, type Route } from "../exchange.ts";
import { readObject } from "../json-body.ts";

interface ForkBody {
  readonly Count?: number;
  readonly Names?: string[];
}

const forkShape = {
  type: "object",
  properties: { Count: { type: "integer" }, Names: { type: "array", items: { type: "string" } } },
};

/** isle's own: Docker has no way to keep a running container on disk. */
export const savingRoutes: ReadonlyArray<Route<InstanceDeps>> = [
  {
    method: "POST",
    path: "/isle/containers/{id}/suspend",
    async handle({ params }, deps) {
      await suspendInstance(deps, params["id"]!, { wakes: false });
      return empty(204);
    },
  },
  {
    method: "POST",
    path: "/isle/containers/{id}/resume",
    async handle({ params }, deps) {
      await resumeSuspended(deps, params["id"]!);
      return empty(204);
    },
  },
  {
    method: "POST",
    path: "/isle/containers/{id}/fork",
    async handle(exchange, deps) {
      const { Count: count = 1, Names: names = [] } = await readObject<ForkBody>(exchange, forkShape);
      return json(201, { Ids: await forkInstance(deps, exchange.params["id"]!, { count, names }) });
    },
  },
];
