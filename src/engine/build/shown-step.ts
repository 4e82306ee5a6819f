import { messageOf } from "../../base/error.ts";
import type { BuildRequest, BuildStep } from "./request.ts";

/** Work beside the Dockerfile's steps, shown as one of them. */
export async function shownStep<T>(
  { onEvent }: Pick<BuildRequest, "onEvent">,
  { number, name }: Pick<BuildStep, "number" | "name">,
  work: () => Promise<T>,
): Promise<T> {
  const step = { number, name, written: name };
  onEvent({ kind: "start", step });
  try {
    const result = await work();
    onEvent({ kind: "end", step, cached: false });
    return result;
  } catch (error) {
    onEvent({ kind: "failed", step, message: messageOf(error) });
    throw error;
  }
}
