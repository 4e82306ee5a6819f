import { chownSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { IsleError, unsupported } from "../../../base/error.ts";
import type { MappedUsers } from "../../../core/mapped-users.ts";
import { unmount } from "../../../os/mount.ts";
import { makingFilesAs, mountMapped } from "../../../os/user-namespace.ts";
import type { Places } from "./places.ts";

/**
 * The directories of the driver as users of a namespace see them. It is one mount for all roots: overlays that stand on it
 * have the ids of their layers mapped, and what is written through them lies on the disk with the ids that it has inside.
 */
export class MappedView {
  readonly #places: Places;
  readonly #path: string | undefined;
  readonly #roots = new Set<string>();
  #users: MappedUsers | undefined;

  constructor(places: Places, path: string | undefined) {
    this.#places = places;
    this.#path = path;
  }

  show(users: MappedUsers): void {
    if (this.#path === undefined) throw unsupported("roots for users of a namespace");
    this.close();
    mkdirSync(this.#path, { recursive: true, mode: 0o700 });
    mountMapped(this.#places.base, this.#path, users.namespace);
    this.#users = users;
    this.#letThrough(this.#places.roots);
  }

  /** The root at a path is for those users from now on, who must come as far as where it is mounted. */
  admit(rootId: string, path: string): void {
    this.#letThrough(path);
    this.#roots.add(rootId);
  }

  has(rootId: string): boolean {
    return this.#roots.has(rootId);
  }

  forget(rootId: string): void {
    this.#roots.delete(rootId);
  }

  /** Runs `mount` with the directory of links that the root's overlay is to be made of. */
  mountRoot(rootId: string, mount: (links: string) => void): void {
    if (this.#roots.has(rootId)) this.asItsRoot(mount);
    else mount(this.#places.links);
  }

  /** What an overlay writes, it writes as who mounted it: root of the machine is nobody in the view. */
  asItsRoot(mount: (links: string) => void): void {
    makingFilesAs(this.#required().first, () => mount(join(this.#path!, "links")));
  }

  close(): void {
    if (this.#path !== undefined) unmount(this.#path);
    this.#users = undefined;
  }

  #letThrough(path: string): void {
    chownSync(path, 0, this.#required().first);
  }

  #required(): MappedUsers {
    if (this.#users === undefined) throw new IsleError("internal", "nothing is shown to users of a namespace");
    return this.#users;
  }
}
