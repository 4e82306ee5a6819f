import type { Readable } from "node:stream";
import { IsleError, isCode, messageOf } from "../../base/error.ts";
import { checkFileMode } from "../../base/file-mode.ts";
import { isWholeGlob } from "../../base/glob.ts";
import { newId } from "../../base/id.ts";
import type { CopySelection, TreeRoot } from "../../core/archive.ts";
import { digestSelection } from "../../core/build/context-manifest.ts";
import { expandWord } from "../../core/build/expand.ts";
import { joinDirectory } from "../../core/build/image-config.ts";
import type { InstructionOf } from "../../core/build/instruction.ts";
import type { ImageLayer } from "../../core/image.ts";
import type { ChainId } from "../../core/snapshot.ts";
import { userIn } from "../instance/instance-spec.ts";
import { type Added, addedFiles, documentFile, keyOfAdded } from "./added-files.ts";
import { cacheKey } from "./build.ts";
import { layerOfRoot, stepLayer } from "./new-layer.ts";
import type { BuildFiles } from "./request.ts";
import { layersNamed, sourceNamed } from "./sources.ts";
import { chainOf, expanded, expansionOf, ignoresCache, pushLayer, type StageState } from "./stage-state.ts";
import { writeAdded } from "./write-added.ts";

type CopyInstruction = InstructionOf<"copy"> | InstructionOf<"add">;

/** A COPY or ADD with its variables expanded. */
interface Copy {
  readonly sources: readonly string[];
  /** What comes with the Dockerfile or from elsewhere. */
  readonly added: readonly Added[];
  readonly target: string;
  readonly endsInSlash: boolean;
  readonly chown: string | undefined;
  readonly mode: string | undefined;
  readonly excludes: readonly string[];
  readonly parents: boolean;
  /** As the image's history has it. */
  readonly createdBy: string;
  /** The layer is made on nothing, and fits on whatever the stage stands on. */
  readonly linked: boolean;
  /** Files of the context belong to root. */
  readonly fromContext: boolean;
}

/** Copies files of the context, another stage or an image. Returns true when the cache had the result. */
export async function copyStep(state: StageState, instruction: CopyInstruction): Promise<boolean> {
  const { request } = state.build;
  const copy = await expandCopy(state, instruction);
  const source = copy.sources.length > 0 ? await sourceOf(state, instruction.from) : undefined;
  const added = copy.added.map(keyOfAdded);
  const facts = { kind: instruction.kind, below: chainOf(state).at(-1), added, copy, epoch: request.epoch };
  const keyWith = (taken: string | undefined) => copyKey({ ...facts, taken });
  const quick = source?.quickDigest(copy);
  const exact = async () => keyWith(await source!.exactDigest(copy));
  const place = {
    key: source && quick === undefined ? await exact() : keyWith(quick),
    ...(source?.mayEqualOthers && { exactKey: exact }),
    description: instruction.written,
    parent: copy.linked ? undefined : state.lastKey,
    ...(copy.linked && { linked: true }),
    ignoresCache: ignoresCache(state),
  };
  const made = await stepLayer(state, place, async () => writeLayer(state, copy, await source?.root()));
  pushLayer(state, made, { key: place.key, createdBy: copy.createdBy });
  return made.cached;
}

interface KeyFacts {
  readonly kind: CopyInstruction["kind"];
  readonly below: ChainId | undefined;
  /** Tells the files apart that are taken. */
  readonly taken: string | undefined;
  readonly added: readonly unknown[];
  readonly copy: Pick<Copy, "linked" | "target" | "endsInSlash" | "chown" | "mode">;
  readonly epoch: number | undefined;
}

/** The key of a linked copy knows nothing of what it is put on. */
export function copyKey({ kind, below, taken, added, copy, epoch }: KeyFacts): string {
  const { linked, target, endsInSlash, chown, mode } = copy;
  return cacheKey(kind, linked ? "link" : below, taken, added, { target, endsInSlash, chown, mode }, epoch);
}

async function expandCopy(state: StageState, instruction: CopyInstruction): Promise<Copy> {
  const each = (text: string): string => expanded(state, text);
  const sources = instruction.sources.map(each);
  const target = each(instruction.target);
  const mode = instruction.chmod === undefined ? undefined : each(instruction.chmod);
  if (mode !== undefined) checkFileMode(mode);
  const chown = instruction.chown === undefined ? undefined : each(instruction.chown);
  if (instruction.link && chown !== undefined) linkedOwner(chown);
  const { added, rest } = await addedFiles(state, instruction, sources);
  for (const source of rest) if (!isWholeGlob(source)) throw new Error(`syntax error in pattern: ${source}`);
  const endsInSlash = /(^|\/)\.?$/.test(target);
  const documents = instruction.documents.map(({ name, content, expands }) =>
    documentFile(name, expands ? expandedDocument(state, content) : content),
  );
  return {
    sources: rest,
    added: [...documents, ...added],
    target: joinDirectory(state.config.run.WorkingDir || "/", target),
    endsInSlash,
    chown,
    mode,
    excludes: [
      ...instruction.excludes.map(each),
      ...(instruction.from === undefined ? state.build.request.contextExcludes : []),
    ],
    parents: instruction.parents,
    linked: instruction.link,
    createdBy: createdBy(instruction, { chown, mode, words: [...sources, target] }),
    fromContext: instruction.from === undefined,
  };
}

/** The line of the image's history. */
function createdBy(
  { kind, documents, parents }: CopyInstruction,
  { chown, mode, words }: { chown: string | undefined; mode: string | undefined; words: readonly string[] },
): string {
  const flags = [parents && "--parents", chown !== undefined && `--chown=${chown}`, mode && `--chmod=${mode}`];
  const texts = documents.map(({ name }) => `<<${name}`);
  const [target, sources] = [words.at(-1)!, words.slice(0, -1)];
  return [kind.toUpperCase(), ...flags, ...sources, ...texts, target, "# buildkit"].filter(Boolean).join(" ");
}

/** Where there are no files, nobody has a name but root. */
function linkedOwner(chown: string): { uid: number; gid: number } {
  const idOf = (name: string): number => {
    if (/^(\d*|root)$/.test(name)) return Number(name.replace("root", "0"));
    throw new Error(
      `invalid user index: -1: with --link there is no /etc/passwd to look ${name} up in; write --chown with numbers, or leave --link out`,
    );
  };
  const [user = "", group = user] = chown.split(":");
  return { uid: idOf(user), gid: idOf(group) };
}

function expandedDocument(state: StageState, content: string): string {
  const { variables, options } = expansionOf(state);
  return expandWord(content, variables, { ...options, keepsQuotes: true });
}

/** Where sources lie, and what tells their content apart. */
interface CopySource {
  /** Known without reading a file, and the same only where the content is; undefined where that cannot be. */
  quickDigest(copy: Copy): string | undefined;
  /** By the content itself. */
  exactDigest(copy: Copy): Promise<string>;
  /** The quick digest differs for sources of another origin with the same content. */
  readonly mayEqualOthers: boolean;
  root(): Promise<TreeRoot>;
}

/** The context, a stage before this one, or an image. */
async function sourceOf(state: StageState, from: string | undefined): Promise<CopySource> {
  const { build, stage } = state;
  if (from === undefined) return filesSource(state, build.request.context);
  const name = expanded(state, from);
  const source = await sourceNamed(state, name);
  if (source.kind === "files") return filesSource(state, source.files);
  if (source.kind === "image" && source.name.toLowerCase() === stage.name) {
    throw new Error(`stage ${name} cannot copy from itself`);
  }
  const { layers } = await layersNamed(state, source);
  const chain = layers.map(({ chainId }) => chainId);
  const root = async (): Promise<TreeRoot> => {
    await build.imported.present(layers);
    return build.roots.mount(chain);
  };
  return {
    quickDigest: (copy) => cacheKey("stage", chain.at(-1), selection(copy)),
    exactDigest: async (copy) => await digestOf(state, await root(), copy),
    mayEqualOthers: true,
    root,
  };
}

function filesSource(state: StageState, files: BuildFiles | undefined): CopySource {
  if (files === undefined) throw new Error("there is no build context to copy from");
  const root = async (): Promise<TreeRoot> => ({ path: await files.path() });
  return {
    quickDigest: (copy) => {
      try {
        return digestSelection(files.manifest, { ...selection(copy), target: "/", into: true });
      } catch (error) {
        throw notThere(error);
      }
    },
    exactDigest: async (copy) => await digestOf(state, await root(), copy),
    mayEqualOthers: false,
    root,
  };
}

const selection = ({ sources, excludes, parents, mode }: Copy): Omit<CopySelection, "target" | "into"> => ({
  ...{ sources, excludes, parents },
  ...(mode !== undefined && { mode }),
});

async function digestOf({ build }: StageState, from: TreeRoot, copy: Copy): Promise<string> {
  return await build.deps.archive.digestCopy(from, { ...selection(copy), target: "/", into: true }).catch((error) => {
    throw notThere(error);
  });
}

function notThere(error: unknown): unknown {
  if (!isCode(error, "notFound")) return error;
  return new IsleError("invalid", `failed to calculate checksum of ref: ${messageOf(error)}`, {
    hint: "is it there, and not left out by .dockerignore?",
  });
}

async function writeLayer(state: StageState, asked: Copy, from: TreeRoot | undefined): Promise<ImageLayer> {
  const { deps, request } = state.build;
  const id = newId();
  deps.snapshots.prepare(id, asked.linked ? [] : chainOf(state), { bare: asked.linked });
  try {
    const root: TreeRoot = { path: deps.snapshots.mount(id) };
    // A link in the target's place is written through, as one on the way to it is.
    const copy = { ...asked, target: deps.machine.followInRoot(root.path, asked.target) };
    const ownerIn = copy.linked ? linkedOwner : (text: string) => ownerOf(state, root.path, text);
    const owner = copy.chown === undefined ? undefined : ownerIn(copy.chown);
    const context = owner ?? (copy.fromContext ? { uid: 0, gid: 0 } : undefined);
    const parentMode = modeOfParents(copy.mode);
    const parents = { ...(owner && { parentOwner: owner }), parentMode };
    const write = (tar: Readable) => deps.archive.write(root, "/", tar, { keepKind: true, ...parents });
    const isThere = () => deps.machine.isDirectoryInRoot(root.path, copy.target);
    if (copy.endsInSlash && !isThere()) deps.machine.makeDirectoryInRoot(root.path, copy.target, owner, parentMode);
    for (const sources of from ? sourceGroups(copy) : []) {
      const taken = { ...selection(copy), sources, target: copy.target, into: isThere() };
      await write(deps.archive.packCopy(from!, { ...taken, ...(context && { owner: context }) }));
    }
    for (const added of copy.added) {
      await writeAdded(deps, added, { copy, into: isThere(), root, owner: owner ?? { uid: 0, gid: 0 }, parents });
    }
    return await layerOfRoot(deps, id, { below: state.layers, epoch: request.epoch, linked: copy.linked });
  } finally {
    await deps.snapshots.removeRoot(id);
  }
}

/** Without a slash, each of several sources finds what those before it have put in the target's place. */
const sourceGroups = ({ sources, endsInSlash }: Copy): ReadonlyArray<readonly string[]> =>
  endsInSlash ? [sources] : sources.map((source) => [source]);

/** Directories that a copy makes above its target have a mode that is given in digits, too. */
const modeOfParents = (mode: string | undefined): number =>
  mode !== undefined && /^[0-7]+$/.test(mode) ? Number.parseInt(mode, 8) & 0o777 : 0o755;

/**
 * `user:group`, names looked up in the image; a user alone stands for its own group, or that of the same number. Whom the image does
 * not know is root, as with BuildKit, but told of.
 */
function ownerOf({ build }: StageState, rootPath: string, text: string): { uid: number; gid: number } {
  const [user = "", group] = text.split(":");
  const find = (wanted: string) => {
    try {
      return userIn(build.deps, rootPath, wanted, []);
    } catch (error) {
      build.request.onEvent({
        kind: "warning",
        message: `--chown=${text}: ${messageOf(error)}: root is taken instead`,
      });
      return undefined;
    }
  };
  const owner = find(user || "0");
  const uid = owner?.uid ?? 0;
  const ownGroup = /^\d+$/.test(user) ? uid : (owner?.gid ?? 0);
  return { uid, gid: group ? (find(`0:${group}`)?.gid ?? ownGroup) : ownGroup };
}
