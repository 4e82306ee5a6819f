import type { Route } from "../exchange.ts";
import { buildRoutes } from "./build.ts";
import { buildHistoryRoutes } from "./build-history.ts";
import { buildkitRoutes } from "./buildkit.ts";
import { containerRoutes } from "./container.ts";
import { containerFileRoutes } from "./container-files.ts";
import { containerStreamRoutes } from "./container-streams.ts";
import { diskUsageRoutes } from "./disk-usage.ts";
import { execRoutes } from "./exec.ts";
import { imageRoutes } from "./image.ts";
import { networkRoutes } from "./network.ts";
import { networkPolicyRoutes } from "./network-policy.ts";
import { portRoutes } from "./ports.ts";
import { registryRoutes } from "./registry.ts";
import { savingRoutes } from "./saving.ts";
import { type SystemDeps, systemRoutes } from "./system.ts";
import { volumeRoutes } from "./volume.ts";
import { volumeContentRoutes } from "./volume-content.ts";

/** Every route of the engine, in the order in which they are tried. */
export const allRoutes: ReadonlyArray<Route<SystemDeps>> = [
  ...systemRoutes,
  ...containerRoutes,
  ...containerStreamRoutes,
  ...containerFileRoutes,
  ...execRoutes,
  ...volumeRoutes,
  ...volumeContentRoutes,
  ...networkRoutes,
  ...networkPolicyRoutes,
  ...portRoutes,
  ...savingRoutes,
  ...diskUsageRoutes,
  ...buildRoutes,
  ...buildHistoryRoutes,
  ...buildkitRoutes,
  ...registryRoutes,
  ...imageRoutes,
];
