import type {
  ImageConfig,
  ImageDeleteResponseItem,
  ImageHistoryResponseItem,
  ImageInspect,
  ImageSummary,
} from "../../api/generated/engine-api.ts";
import { zeroTime } from "../../base/time.ts";
import type { ImageRunConfig } from "../../core/image.ts";
import type { HistoryStep } from "../../engine/image/image-history.ts";
import type { InspectedImage } from "../../engine/image/inspect-image.ts";
import { createdSeconds, type ListedImage } from "../../engine/image/list-images.ts";
import type { Removal } from "../../engine/image/remove-image.ts";
import { encodeIndexDescriptor } from "./image-manifests.ts";

export function encodeSummary(listed: ListedImage, users: number): ImageSummary {
  const { image, tags, digests, sharedBytes } = listed;
  return {
    Id: image.id,
    ParentId: image.parent ?? "",
    RepoTags: [...tags],
    RepoDigests: [...digests],
    Created: createdSeconds(image),
    Size: image.sizeBytes,
    SharedSize: sharedBytes ?? -1,
    Labels: image.config.config?.Labels ?? null,
    Containers: users,
  };
}

export function encodeInspect({ image, index, tags, digests }: InspectedImage): ImageInspect {
  const { config } = image;
  return {
    Id: image.id,
    ...(index && { Descriptor: encodeIndexDescriptor(index) }),
    RepoTags: [...tags],
    RepoDigests: [...digests],
    Parent: image.parent ?? "",
    Comment: config.comment ?? "",
    Created: config.created ?? zeroTime,
    DockerVersion: config.docker_version ?? "",
    Author: config.author ?? "",
    Config: encodeConfig(config.config ?? {}),
    Architecture: config.architecture,
    ...(config.variant && { Variant: config.variant }),
    Os: config.os,
    Size: image.sizeBytes,
    GraphDriver: { Name: "overlay2", Data: {} },
    RootFS: { Type: "layers", Layers: [...config.rootfs.diff_ids] },
    Metadata: { LastTagTime: tags.length > 0 ? image.taggedAt : zeroTime },
  };
}

const configMembers = new Set([
  ...["User", "ExposedPorts", "Env", "Cmd", "Healthcheck", "ArgsEscaped", "Volumes", "WorkingDir", "Entrypoint"],
  ...["OnBuild", "Labels", "StopSignal", "Shell"],
]);

/** Members that Docker always shows, with those the image sets; images made from containers hold more than are shown. */
function encodeConfig(config: ImageRunConfig): ImageConfig {
  const shown = Object.entries(config).filter(([name, value]) => configMembers.has(name) && value !== undefined);
  return {
    User: "",
    Env: null,
    Cmd: null,
    Volumes: null,
    WorkingDir: "",
    Entrypoint: null,
    OnBuild: null,
    Labels: null,
    ...Object.fromEntries(shown),
  } as ImageConfig;
}

export const encodeHistory = ({
  id,
  created,
  created_by,
  tags,
  sizeBytes,
  comment,
}: HistoryStep): ImageHistoryResponseItem => ({
  Id: id,
  Created: created ? Math.floor(Date.parse(created) / 1000) || 0 : 0,
  CreatedBy: created_by ?? "",
  Tags: tags.length > 0 ? [...tags] : null,
  Size: sizeBytes,
  Comment: comment ?? "",
});

export const encodeRemoval = (removal: Removal): ImageDeleteResponseItem =>
  "untagged" in removal ? { Untagged: removal.untagged } : { Deleted: removal.deleted };
