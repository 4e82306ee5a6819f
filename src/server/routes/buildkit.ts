import { rawContentType } from "../../api/stream-frame.ts";
import { invalid } from "../../base/error.ts";
import type { BuildDeps } from "../../engine/build/deps.ts";
import { type Exchange, type Reply, type Route, sent } from "../exchange.ts";

type BuildkitDeps = BuildDeps & { readonly product: { readonly version: string } };

/** Loaded with the first client that builds this way. */
const door = () => import("../buildkit/door.ts");

/** BuildKit's control service, as gRPC on a connection that is taken over. */
async function grpc(exchange: Exchange, deps: BuildkitDeps): Promise<Reply> {
  const { serveControl } = await door();
  await serveControl(await exchange.hijack(rawContentType), deps, deps.product.version);
  return sent;
}

async function session(exchange: Exchange): Promise<Reply> {
  const { headers } = exchange.request;
  const id = headers["x-docker-expose-session-uuid"];
  if (typeof id !== "string" || id === "") throw invalid("the session has no id");
  const { holdSession } = await door();
  const sharedKey = String(headers["x-docker-expose-session-sharedkey"] ?? "");
  await holdSession(await exchange.hijack(rawContentType), { id, sharedKey });
  return sent;
}

export const buildkitRoutes: ReadonlyArray<Route<BuildkitDeps>> = [
  { method: "POST", path: "/grpc", handle: grpc },
  { method: "POST", path: "/session", handle: session },
];
