/** What a guest needs beside the kernel itself: disks, port, network, shares, memory given back, file systems. */
export const guestModules: readonly string[] = [
  "virtio_pci",
  "virtio_console",
  "virtio_blk",
  "virtio_net",
  "virtio_balloon",
  "erofs",
  "overlay",
  "virtiofs",
];

/** Modules of the list with all they depend on, each after its own needs. What the kernel has built in is left out. */
export function loadOrder(wanted: readonly string[], dependsOn: (name: string) => readonly string[] | undefined) {
  const ordered: string[] = [];
  const seen = new Set<string>();
  const add = (name: string): void => {
    if (seen.has(name)) return;
    seen.add(name);
    const needs = dependsOn(name);
    if (!needs) return;
    needs.forEach(add);
    ordered.push(name);
  };
  wanted.forEach(add);
  return ordered;
}

const start = Buffer.from("\0depends=");

/** Reads the needs out of a module's own description, as depmod does. */
export function moduleNeeds(module: Buffer): string[] {
  const at = module.indexOf(start);
  if (at === -1) return [];
  const text = module.subarray(at + start.length, module.indexOf(0, at + start.length)).toString();
  return text.split(",").filter(Boolean).map(moduleName);
}

/** Files may have dashes where names have underscores, and may be compressed. */
export const moduleName = (file: string): string => file.replace(/\.ko(\.\w+)?$/, "").replaceAll("-", "_");
