import { mkdirSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { unsupported } from "../../../base/error.ts";
import { unmount } from "../../../os/mount.ts";
import { baseLayerName } from "./base-layer.ts";
import type { MappedView } from "./mapped-view.ts";
import type { Places } from "./places.ts";
import { mountFrom, overlayOptions } from "./roots.ts";
import { discard } from "./trash.ts";

/** Writes a file through an overlay on the view as root of the namespace: on the disk it must be root's. */
export async function tryView(places: Places, view: MappedView, features: ReadonlySet<string>): Promise<void> {
  const name = crypto.randomUUID();
  const trial = join(places.incoming, name);
  const target = mergedOf(trial);
  for (const each of ["upper", "work", "merged"]) mkdirSync(join(trial, each), { recursive: true });
  const data = overlayOptions({ writable: `../incoming/${name}`, names: [baseLayerName], features });
  try {
    view.asItsRoot((links) => {
      mountFrom(links, { target, data });
      writeFileSync(join(target, "trial"), "");
    });
    const { uid, gid } = statSync(join(trial, "upper", "trial"));
    if (uid !== 0 || gid !== 0) throw unsupported(`a file that root makes in an overlay comes to be ${uid}:${gid}'s`);
  } finally {
    unmount(target);
    await discard(places.trash, trial);
  }
}

/** Unmounts what a trial that was killed has left. */
export function endTrials({ incoming }: Places): void {
  for (const name of readdirSync(incoming)) unmount(mergedOf(join(incoming, name)));
}

const mergedOf = (trial: string): string => join(trial, "merged");
