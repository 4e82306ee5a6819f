import type { InstanceDeps } from "../../engine/instance/deps.ts";
import { resumeSuspended } from "../../engine/instance/resume.ts";
import { suspendInstance } from "../../engine/instance/suspend.ts";
import { empty, type Route } from "../exchange.ts";

/** isle's own: Docker has no way to keep a running container on disk. */
export const savingRoutes: ReadonlyArray<Route<InstanceDeps>> = [
  {
    method: "POST",
    path: "/isle/containers/{id}/suspend",
    async handle({ params }, deps) {
      await suspendInstance(deps, params["id"]!);
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
];
