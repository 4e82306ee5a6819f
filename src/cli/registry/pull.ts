import { formatReference, parseReference, withDefaultTag } from "../../base/reference.ts";
import { pullImage } from "../../client/images.ts";
import type { Context } from "../command.ts";
import type { Output } from "../io.ts";
import { showProgress } from "../progress/show-progress.ts";
import { authHeader } from "./credentials.ts";

export interface PullRequest {
  readonly image: string;
  readonly platform: string;
  readonly quiet: boolean;
  readonly allTags?: boolean;
}

type PullContext = Pick<Context, "client" | "io" | "config">;

/** Pulls for `run` and `create`: everything shown goes to standard error. */
export function pullForRun(context: PullContext, request: PullRequest): Promise<void> {
  return pull(context, request, context.io.stderr);
}

/** Pulls an image and shows the progress on `output`, or nothing when quiet. */
export async function pull(context: PullContext, request: PullRequest, output: Output): Promise<void> {
  const { client, io, config } = context;
  const messages = pullImage(client, {
    ...split(request.image, request.allTags ?? false),
    platform: request.platform,
    token: await authHeader(request.image, config().data, io),
  });
  await showProgress(messages, { output: request.quiet ? silent : output, terminal: io.terminal });
}

/** The full name of what a pull brought. */
export const pulledName = (image: string): string => formatReference(withDefaultTag(parseReference(image)));

const silent: Output = { isTerminal: false, write: () => Promise.resolve() };

function split(image: string, allTags: boolean): { fromImage: string; tag?: string } {
  const reference = parseReference(image);
  const fromImage = formatReference({ ...reference, tag: undefined, digest: undefined });
  if (allTags) return { fromImage };
  return { fromImage, tag: reference.digest ?? reference.tag ?? "latest" };
}
