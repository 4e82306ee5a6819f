import { newId } from "../../base/id.ts";
import { userIn } from "../instance/instance-spec.ts";
import { cacheKey } from "./build.ts";
import { layerOfRoot, stepLayer } from "./new-layer.ts";
import { chainOf, ignoresCache, pushLayer, type StageState } from "./stage-state.ts";

/** Makes the directory that later steps run in. Returns true when the cache had it. */
export async function workdirStep(state: StageState, path: string): Promise<boolean> {
  const { request } = state.build;
  state.config = { ...state.config, run: { ...state.config.run, WorkingDir: path } };
  const key = cacheKey("workdir", chainOf(state).at(-1), path, state.config.run.User, request.epoch);
  const createdBy = `WORKDIR ${path}`;
  const place = { key, description: createdBy, parent: state.lastKey, ignoresCache: ignoresCache(state) };
  const made = await stepLayer(state, place, () => makeDirectory(state, path));
  pushLayer(state, made, { key, createdBy });
  return made.cached;
}

/** The directory and those above it that are missing belong to the stage's user. */
async function makeDirectory(state: StageState, path: string) {
  const { deps, request } = state.build;
  const id = newId();
  deps.snapshots.prepare(id, chainOf(state));
  try {
    const root = deps.snapshots.mount(id);
    const { uid, gid } = userIn(deps, root, state.config.run.User ?? "", []);
    deps.machine.makeDirectoryInRoot(root, path, { uid, gid });
    return await layerOfRoot(deps, id, { below: state.layers, epoch: request.epoch });
  } finally {
    await deps.snapshots.removeRoot(id);
  }
}
