import { familiarReference, parseReference } from "../../base/reference.ts";
import type { ImageRecord } from "../../core/image.ts";
import type { ImageDeps } from "../deps.ts";

/** Tells of something that happened to an image; `name` is what the user called it. */
export function publishImageEvent(
  { events }: Pick<ImageDeps, "events">,
  action: string,
  { id, image, name }: { id: string; image?: ImageRecord | undefined; name?: string | undefined },
): void {
  const labels = image?.config.config?.Labels ?? {};
  events.publish({ type: "image", action, actor: { id, attributes: { ...labels, ...(name && { name }) } } });
}

/** Tells of the names that a new image got, each given in full. */
export function publishTags(deps: Pick<ImageDeps, "events">, image: ImageRecord, names: readonly string[]): void {
  for (const name of names) {
    publishImageEvent(deps, "tag", { id: image.id, image, name: familiarReference(parseReference(name)) });
  }
}
