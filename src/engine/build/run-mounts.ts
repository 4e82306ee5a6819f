import { createHash } from "node:crypto";
import { join, posix } from "node:path";
import { IsleError, notFound } from "../../base/error.ts";
import { newId } from "../../base/id.ts";
import { KeyedLock } from "../../base/keyed-lock.ts";
import type { TreeRoot } from "../../core/archive.ts";
import type { RunMount } from "../../core/build/run-mount.ts";
import type { InstanceMount } from "../../core/instance.ts";
import type { MappedUsers } from "../../core/mapped-users.ts";
import type { MountPlace } from "../../core/snapshot.ts";
import type { BuildDeps } from "./deps.ts";
import { layersNamed, sourceNamed } from "./sources.ts";
import type { StageState } from "./stage-state.ts";

/** The mounts of a RUN, made, until they are released. */
export interface PreparedMounts {
  readonly mounts: readonly InstanceMount[];
  /** Where they go; made below the root's layers, so that they leave no trace in it. */
  readonly places: readonly MountPlace[];
  /** Secrets that become variables. */
  readonly env: readonly string[];
  release(): Promise<void>;
}

interface Wanted {
  /** Instance that gets them. */
  readonly id: string;
  readonly mounts: readonly RunMount[];
  /** A program to run, which comes as a mount of its own. */
  readonly script: string | undefined;
  /** Whose users the step's are, where they are not the machine's. */
  readonly users: MappedUsers | undefined;
}

/** Makes what a RUN's mounts name. Secrets lie in memory only. */
export async function prepareMounts(state: StageState, wanted: Wanted): Promise<PreparedMounts> {
  const { deps } = state.build;
  const { id, users } = wanted;
  const made: Making = { deps, id, users, mounts: [], places: [], env: [], undo: [] };
  const release = async (): Promise<void> => {
    for (const each of made.undo.reverse()) await each();
  };
  try {
    for (const mount of wanted.mounts) await makers[mount.type](state, made, mount);
    if (wanted.script !== undefined) addScript(made, wanted.script);
    if (made.env.length > 0) keepSpecInMemory(made);
    return { mounts: made.mounts, places: made.places, env: made.env, release };
  } catch (error) {
    await release();
    throw error;
  }
}

interface Making {
  readonly deps: BuildDeps;
  readonly id: string;
  readonly users: MappedUsers | undefined;
  readonly mounts: InstanceMount[];
  readonly places: MountPlace[];
  readonly env: string[];
  readonly undo: Array<() => Promise<void> | void>;
}

type Maker = (state: StageState, made: Making, mount: RunMount) => Promise<void>;

const makers: Readonly<Record<RunMount["type"], Maker>> = {
  bind: addBind,
  cache: addCache,
  tmpfs: async (state, made, mount) => {
    const size = mount.sizeBytes === undefined ? "" : `,size=${mount.sizeBytes}`;
    add(made, { type: "tmpfs", source: "", target: targetOf(state, mount), tmpfsOptions: `exec${size}` }, "directory");
  },
  secret: addSecret,
  ssh: addAgent,
};

function add(
  made: Making,
  mount: Pick<InstanceMount, "type" | "source" | "target"> & Partial<InstanceMount>,
  kind: MountPlace["kind"],
): void {
  made.mounts.push({ readonly: false, propagation: "", mode: "", ...mount });
  made.places.push({ path: mount.target, kind });
}

const targetOf = ({ config }: StageState, { target }: RunMount): string =>
  posix.resolve(config.run.WorkingDir || "/", target);

/** The tree that a bind takes its source from; a stage's or an image's as users of a namespace see it, if so wished. */
export async function bindRoot(state: StageState, { from }: RunMount, mapped = false): Promise<BindRoot> {
  const { build } = state;
  if (from === undefined) {
    if (build.request.context === undefined) throw new Error("there is no build context to mount");
    return { path: await build.request.context.path() };
  }
  const source = await sourceNamed(state, from);
  if (source.kind === "files") return { path: await source.files.path() };
  const { layers } = await layersNamed(state, source);
  await build.imported.present(layers);
  const root = build.roots.mount(
    layers.map(({ chainId }) => chainId),
    { mapped },
  );
  return { ...root, showsOwnIds: mapped };
}

interface BindRoot extends TreeRoot {
  /** The ids in it are those of the step's users. */
  readonly showsOwnIds?: boolean;
}

async function addBind(state: StageState, made: Making, mount: RunMount): Promise<void> {
  const mapped = made.users !== undefined;
  const root: BindRoot = mount.readonly ? await bindRoot(state, mount, mapped) : await writableCopy(state, made, mount);
  const source = resolveIn(made.deps, root, mount.source);
  const kind = made.deps.machine.pathKind(source) === "directory" ? "directory" : "file";
  const { readonly } = mount;
  const { showsOwnIds = false } = root;
  add(made, { type: "bind", source, target: targetOf(state, mount), readonly, showsOwnIds }, kind);
}

/** What a step writes to such a mount is gone after it. */
async function writableCopy(state: StageState, made: Making, mount: RunMount): Promise<TreeRoot> {
  const { deps } = made;
  const root = await bindRoot(state, mount);
  const directory = join(deps.settings.paths.builds, newId());
  deps.machine.makeDirectory(directory);
  made.undo.push(() => deps.machine.removeTree(directory));
  await deps.archive.unpackTree(directory, deps.archive.packTree(root.path));
  return { path: directory };
}

/** A path in a root as a path of the machine, every link on the way followed within the root. */
function resolveIn({ machine }: BuildDeps, root: TreeRoot, path: string): string {
  const found = join(root.path, machine.followInRoot(root.path, path));
  if (machine.pathKind(found) === undefined) throw notFound(`mount source ${path} is not there`);
  return found;
}

const cacheLocks = new KeyedLock();

/** A directory that stays from build to build. */
async function addCache(state: StageState, made: Making, mount: RunMount): Promise<void> {
  const { deps } = made;
  const directory = join(
    deps.settings.paths.builds,
    "cache",
    createHash("sha256").update(mount.id).digest("hex").slice(0, 32),
  );
  if (mount.sharing !== "shared") await holdCache(made, directory);
  if (deps.machine.pathKind(directory) === undefined) {
    deps.machine.makeDirectory(directory);
    deps.machine.setOwner(directory, { uid: mount.uid, gid: mount.gid, mode: mount.mode ?? 0o755 });
    if (mount.from !== undefined) await deps.archive.copyUp(await bindRoot(state, mount), mount.source, directory);
  }
  add(made, { type: "bind", source: directory, target: targetOf(state, mount), readonly: mount.readonly }, "directory");
}

/** Until the step's mounts are released. */
function holdCache(made: Making, directory: string): Promise<void> {
  return new Promise((resolve) => {
    void cacheLocks.run(directory, () => {
      resolve();
      return new Promise<void>((release) => made.undo.push(() => release()));
    });
  });
}

async function addSecret(state: StageState, made: Making, mount: RunMount): Promise<void> {
  const content = await state.build.request.secret(mount.id);
  if (content === undefined) {
    if (mount.required)
      throw new IsleError("invalid", `secret ${mount.id}: not found`, { hint: "give it to the build with --secret" });
    return;
  }
  if (mount.env !== undefined) made.env.push(`${mount.env}=${Buffer.from(content).toString()}`);
  if (mount.target === "") return;
  const { uid, gid, mode = 0o400 } = mount;
  add(
    made,
    {
      type: "bind",
      source: inMemory(made, content, { uid, gid, mode }),
      target: targetOf(state, mount),
      readonly: true,
      showsOwnIds: true,
    },
    "file",
  );
}

/** A socket behind which the client's agent signs; its keys stay with it. */
async function addAgent(state: StageState, made: Making, mount: RunMount): Promise<void> {
  const { request } = state.build;
  const agent = await request.sshAgent(mount.id);
  if (agent === undefined) {
    if (!mount.required) return;
    throw new IsleError("invalid", `unset ssh forward key ${mount.id}`, { hint: "give it to the build with --ssh" });
  }
  made.undo.push(() => agent.close());
  const { uid, gid, mode = 0o600 } = mount;
  const socket = { uid, gid, mode };
  made.deps.machine.setOwner(agent.path, ownerFor(made, socket));
  const agents = made.places.filter(({ path }) => path.startsWith(agentTarget)).length;
  const target = mount.target === "" ? `${agentTarget}${agents}` : targetOf(state, mount);
  add(made, { type: "bind", source: agent.path, target, socket, showsOwnIds: true }, "file");
  const hasSocket = [...made.env, ...(state.config.run.Env ?? [])].some((each) => each.startsWith("SSH_AUTH_SOCK="));
  if (!hasSocket) made.env.push(`SSH_AUTH_SOCK=${target}`);
}

const agentTarget = "/run/buildkit/ssh_agent.";

function addScript(made: Making, script: string): void {
  const { deps } = made;
  const source = join(deps.settings.paths.builds, `script-${made.id}`);
  made.undo.push(() => deps.machine.removeTree(source));
  deps.machine.writeFile(source, script);
  deps.machine.setOwner(source, { uid: 0, gid: 0, mode: 0o755 });
  made.mounts.push({ type: "bind", source, target: "/dev/pipes/EOF", readonly: true, propagation: "", mode: "" });
}

/** The runtime is told of variables by a file in the instance's directory: that file, too, is one that no disk sees. */
function keepSpecInMemory(made: Making): void {
  const { machine, settings } = made.deps;
  const bundle = settings.paths.instance(made.id);
  machine.makeDirectory(bundle);
  machine.makeLink(join(bundle, "config.json"), join(memoryDirectory(made, 4 << 20), "config.json"));
}

/** A directory in memory, until the mounts are released. */
function memoryDirectory({ deps, id, undo }: Making, bytes: number): string {
  const directory = join(deps.settings.paths.builds, `memory-${id}-${undo.length}`);
  deps.machine.mountMemory(directory, bytes);
  deps.machine.setOwner(directory, { uid: 0, gid: 0, mode: 0o711 });
  undo.push(async () => {
    deps.machine.unmount(directory);
    await deps.machine.removeTree(directory);
  });
  return directory;
}

interface FileOwner {
  readonly uid: number;
  readonly gid: number;
  readonly mode: number;
}

/** A file that no disk sees. */
function inMemory(made: Making, content: Uint8Array, owner: FileOwner): string {
  const { deps } = made;
  const file = join(memoryDirectory(made, content.length + (64 << 10)), "file");
  deps.machine.writeFile(file, content);
  deps.machine.setOwner(file, ownerFor(made, owner));
  return file;
}

/** Not every kernel maps the ids of files in memory, so that they get those that the step's users have on the machine. */
function ownerFor({ users }: Making, { uid, gid, mode }: FileOwner): FileOwner {
  const { first } = users ?? { first: 0 };
  return { uid: first + uid, gid: first + gid, mode };
}
