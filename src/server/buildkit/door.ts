import type { Duplex } from "node:stream";
import type { BuildDeps } from "../../engine/build/deps.ts";
import { createGrpcClient } from "../grpc/grpc-client.ts";
import { serveGrpc } from "../grpc/grpc-server.ts";
import { HistoryBlobs } from "./history-blobs.ts";
import { LinkedResults } from "./linked-results.ts";
import { Builds } from "./parts.ts";
import { buildkitMethods } from "./services.ts";
import { createSession, type SessionName, Sessions } from "./sessions.ts";

/** Sessions wait for builds and builds for sessions, which come on connections of their own. */
export const sessions = new Sessions();
const builds = new Builds();
const results = new LinkedResults();
const blobs = new HistoryBlobs();

/** BuildKit's services, on a connection that was taken over, until it is closed. */
export const serveControl = (connection: Duplex, deps: BuildDeps, version: string): Promise<void> =>
  serveGrpc(connection, buildkitMethods({ deps, sessions, builds, results, blobs, version, holdSession }));

/** What builds on `/build` in BuildKit's way need of it. */
export const sessionParts = (deps: BuildDeps) => ({ deps, sessions, builds, results, blobs, version: "", holdSession });
export { sessionBuild, traceReporter } from "./session-build.ts";

/** A client's session: it serves, and this engine calls, until the connection is closed. */
export async function holdSession(connection: Duplex, name: SessionName): Promise<void> {
  const client = createGrpcClient(connection);
  const remove = sessions.add(createSession(name, client));
  await new Promise<void>((resolve) => connection.once("close", () => resolve()));
  remove();
  client.close();
}
