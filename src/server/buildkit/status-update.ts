import type { StatusUpdate } from "../../api/build-status.ts";
import { codec, timestamp } from "./messages.ts";

const update = codec<object>("StatusResponse");

/** News of a build as a message of BuildKit's. */
export function encodeUpdate({ vertexes = [], logs = [], warnings = [] }: StatusUpdate): Uint8Array {
  return update.encode({
    vertexes: vertexes.map(({ started, completed, ...vertex }) => ({
      ...vertex,
      ...(started !== undefined && { started: timestamp(started) }),
      ...(completed !== undefined && { completed: timestamp(completed) }),
    })),
    logs: logs.map(({ timestamp: at, data, ...log }) => ({ ...log, timestamp: timestamp(at), msg: data })),
    warnings: warnings.map(({ source, ...warning }) => ({ ...warning, ...(source && { info: source }) })),
  });
}
