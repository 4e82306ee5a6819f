import { join } from "node:path";
import { unsupported } from "../../base/error.ts";
import { parseBytes } from "../../base/size.ts";
import type { InstanceMount, InstanceRecord } from "../../core/instance.ts";
import type { OciSpec } from "../../core/oci-spec.ts";
import type { InstanceDeps } from "./deps.ts";
import { runtimeOf } from "./find.ts";
import type { Joined } from "./join-network.ts";

const domainLabel = "isle.trust-domain";

/** A machine that was saved. */
export interface SavedGuest {
  readonly saved: string;
  /** It goes on as another than the one that was saved. */
  readonly asAnother: boolean;
}

/** The root of an instance with a kernel of its own: the image as a disk, and one beside it for what changes. */
export async function withGuestRoot(
  deps: InstanceDeps,
  record: InstanceRecord,
  spec: OciSpec,
  { joined, origin }: { joined: Joined; origin?: SavedGuest | undefined },
): Promise<OciSpec> {
  // Machines of different domains share no page of memory.
  const domain = record.config.Labels?.[domainLabel];
  const orders = {
    "isle.vm.image": await deps.imageDisks.ensure(record.layers),
    "isle.vm.disk": guestDisk(deps, record),
    ...(domain && { "isle.vm.domain": domain }),
    "isle.vm.disk-size": sizeOf(record),
    ...(origin && { "isle.vm.restore": origin.saved, "isle.vm.identity": origin.asAnother ? "new" : "same" }),
    ...(joined.endpoints.length > 1 && { "isle.vm.networks": String(joined.endpoints.length) }),
    "isle.vm.sockets": JSON.stringify(socketsOf(record).map(({ target, socket }) => ({ path: target, ...socket }))),
    "isle.vm.ephemeral": String(record.host.AutoRemove ?? false),
  };
  return { ...spec, annotations: { ...spec.annotations, ...orders } };
}

/** Mounts that are sockets of the machine. */
export const socketsOf = ({ mounts }: InstanceRecord): InstanceMount[] => mounts.filter(({ socket }) => socket);

/** Bytes of the disk, which is sparse; empty for the usual size. */
const sizeOf = ({ host: { StorageOpt } }: InstanceRecord): string =>
  StorageOpt?.["size"] ? String(parseBytes(StorageOpt["size"])) : "";

/** Where the changes to the root lie; the host never mounts it, since the guest wrote it. */
export const guestDisk = (deps: InstanceDeps, { id }: InstanceRecord): string =>
  join(deps.settings.paths.instance(id), "disk");

/** Refuses to join an instance in a way that its own kernel makes impossible. */
export function refuseJoiningGuest(deps: InstanceDeps, record: InstanceRecord, what: string): void {
  if (runtimeOf(deps, record).isolation !== "microvm") return;
  throw unsupported(`cannot join the ${what} of ${record.name}: it is a microVM with a kernel of its own`);
}
