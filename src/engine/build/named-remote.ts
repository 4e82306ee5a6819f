import { invalid, unsupported } from "../../base/error.ts";
import type { Platform } from "../../base/platform.ts";
import type { BuildDeps } from "./deps.ts";
import type { RemoteAccess } from "./git-tree.ts";
import { imageOfLayout } from "./layout-image.ts";
import { isRemote, remoteContext } from "./remote-context.ts";
import type { NamedContext } from "./request.ts";
import { once } from "./sources.ts";

interface Around extends RemoteAccess {
  readonly keepGitDir: boolean;
  /** Of a layout of images that the client has, a blob by its digest. */
  openBlob(layout: string, digest: string): AsyncIterable<Uint8Array>;
  readonly platform: Platform | undefined;
  /** Takes a context that must be released with the build. */
  hold<T extends { release(): Promise<void> }>(held: T): T;
}

/** Named contexts of images, repositories and URLs, each opened when a step first asks for it. Refuses what it cannot read. */
export function opensNamed(
  deps: BuildDeps,
  urls: ReadonlyMap<string, string>,
  around: Around,
): Array<[string, () => Promise<NamedContext>]> {
  return [...urls].map(([name, url]) => {
    if (url.startsWith("docker-image://")) {
      const image = url.slice("docker-image://".length);
      if (image === "") throw invalid(`the named context ${name} names no image`);
      return [name, async () => ({ kind: "image", name: image })];
    }
    const layout = /^oci-layout:\/\/([^@]+?)(?::[^@:/]+)?@(sha256:[a-f0-9]{64})$/.exec(url);
    if (layout) return [name, once(() => openLayout(deps, around, { store: layout[1]!, digest: layout[2]! }))];
    if (!isRemote(url)) {
      throw unsupported(`the named context ${name}: ${url}`, {
        hint: "it may be a directory, docker-image://, oci-layout://, a git repository or a URL",
      });
    }
    const open = async (): Promise<NamedContext> => {
      const wanted = { ...around, dockerfile: "", kept: [] };
      return { kind: "files", files: around.hold((await remoteContext(deps, url, wanted)).context) };
    };
    return [name, once(open)];
  });
}

async function openLayout(
  deps: BuildDeps,
  { platform, openBlob, hold }: Around,
  { store, digest }: { store: string; digest: string },
): Promise<NamedContext> {
  const open = (blob: string) => openBlob(decodeURIComponent(store), blob);
  const { id } = hold(await imageOfLayout(deps, { digest, platform, open }));
  return { kind: "image", name: id };
}
