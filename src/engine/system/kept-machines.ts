import { isSuspended } from "../../core/instance.ts";
import type { KeptMachines } from "../../core/runtime.ts";
import type { InstanceDeps } from "../instance/deps.ts";
import { runtimeOf } from "../instance/find.ts";
import { savedPath } from "../instance/saved-state.ts";

export interface KeptUsage {
  readonly templates: KeptMachines;
  /** Machines of the pool, with the memory that is theirs alone. */
  readonly spares: KeptMachines & { readonly memoryBytes: number };
  readonly suspended: KeptMachines;
}

/** What is kept of microVMs beside images and instances. */
export function keptMachines(deps: InstanceDeps): KeptUsage {
  const saving = [...deps.runtimes.values()].find((runtime) => runtime.saving)?.saving;
  const suspended = deps.instances.list().filter(isSuspended);
  const bytes = suspended.map((record) => runtimeOf(deps, record).saving?.savedBytes(savedPath(deps, record.id)) ?? 0);
  const none = { count: 0, diskBytes: 0 };
  const { templates, spares } = saving?.kept() ?? { templates: none, spares: { ...none, memoryBytes: 0 } };
  return {
    templates,
    spares,
    suspended: { count: suspended.length, diskBytes: bytes.reduce((sum, each) => sum + each, 0) },
  };
}
