import type { OciSpec } from "../core/oci-spec.ts";

/**
 * Annotations by which an engine tells isle-vm more than the OCI configuration has room for; `isle.vm.` before each:
 *
 * - `image`, `disk`: files with the read-only root and its changes; without them the root is shared from the host
 * - `disk-size`: bytes of the disk, where there is none yet
 * - `ephemeral`: the changes are thrown away at the end and need not be written
 * - `vcpus`, `memory` (MiB), `kernel`: the shape of the machine
 * - `restore`: directory of a saved machine, from which this one goes on
 * - `identity`: `new` for one that goes on as another than the one that was saved
 * - `networks`: how many interfaces there are, where it is not one
 * - `sockets`: sockets in the container that the engine answers, as JSON: path, mode, uid and gid of each
 * - `domain`: who may share memory with whom; machines of different domains never start from one template
 */
type Annotation =
  | "image"
  | "disk"
  | "disk-size"
  | "ephemeral"
  | "vcpus"
  | "memory"
  | "kernel"
  | "networks"
  | "domain"
  | "sockets"
  | "restore"
  | "identity";

export function annotation({ annotations }: Pick<OciSpec, "annotations">, name: Annotation): string | undefined {
  const value = annotations?.[`isle.vm.${name}`];
  return value === "" ? undefined : value;
}
