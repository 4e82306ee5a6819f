import { invalid, unsupported } from "../../base/error.ts";
import type { BuildContext } from "./context.ts";
import type { BuildDeps } from "./deps.ts";
import type { RemoteAccess } from "./git-tree.ts";
import { isRemote, remoteContext } from "./remote-context.ts";
import type { NamedContext } from "./request.ts";
import { once } from "./sources.ts";

interface Around extends RemoteAccess {
  readonly keepGitDir: boolean;
  /** Takes a context that must be released with the build. */
  hold(context: BuildContext): BuildContext;
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
