import type { ContainerConfig } from "../../api/generated/engine-api.ts";
import { notFound } from "../../base/error.ts";
import { formatReference, parseReference, withDefaultTag } from "../../base/reference.ts";
import type { ImageRunConfig } from "../../core/image.ts";
import { commitImage } from "../image/commit-image.ts";
import type { InstanceDeps } from "./deps.ts";
import { publishInstanceEvent } from "./events.ts";
import { findInstance } from "./find.ts";
import { bringUpToDate } from "./guest-files.ts";
import { holdStill } from "./hold-still.ts";

export interface CommitInstanceRequest {
  readonly instance: string;
  readonly repository: string;
  readonly tag: string;
  readonly author: string;
  readonly comment: string;
  readonly changes: readonly string[];
  /** Keep the workload still while its files are read. */
  readonly pause: boolean;
  /** Replaces members of the instance's own config. */
  readonly config: ContainerConfig;
}

/** Makes an image of what an instance changed. Returns the image's id. */
export async function commitInstance(deps: InstanceDeps, request: CommitInstanceRequest): Promise<string> {
  const { id } = findInstance(deps, request.instance);
  return deps.locks.run(id, async () => {
    const record = findInstance(deps, id);
    await bringUpToDate(deps, record);
    const parent = deps.images.get(record.image.id);
    if (!parent) throw notFound(`No such image: ${record.image.id}`);
    const hold = request.pause ? holdStill : justRun;
    const image = await hold(deps, record, () =>
      commitImage(deps, {
        rootId: id,
        parent,
        config: { ...record.config, ...request.config } as ImageRunConfig,
        createdBy: [...(record.config.Entrypoint ?? []), ...(record.config.Cmd ?? [])].join(" "),
        author: request.author,
        comment: request.comment,
        changes: request.changes,
        names: nameOf(request),
      }),
    );
    const imageRef = request.repository === "" ? "" : [request.repository, request.tag].filter(Boolean).join(":");
    publishInstanceEvent(deps, record, "commit", { comment: request.comment, imageID: image.id, imageRef });
    return image.id;
  });
}

function nameOf({ repository, tag }: CommitInstanceRequest): string[] {
  if (repository === "") return [];
  const reference = parseReference(tag === "" ? repository : `${repository}:${tag}`);
  return [formatReference(withDefaultTag(reference))];
}

const justRun: typeof holdStill = (_deps, _record, work) => work();
