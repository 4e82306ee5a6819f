import type { Monitor } from "../monitor.ts";
import { descriptors, type MachineShape, sharesDevice } from "../qemu/arguments.ts";

/** Lets a machine that was started for it go on from its template. */
export async function goOn(monitor: Monitor, { shared }: Pick<MachineShape, "shared">): Promise<void> {
  const capabilities = ["x-ignore-shared", "events"].map((capability) => ({ capability, state: true }));
  await monitor.ask("migrate-set-capabilities", { capabilities });
  const begin = () => monitor.ask("migrate-incoming", { uri: `fd:${descriptors.state}` });
  if (!shared) {
    await begin();
    return;
  }
  await Promise.all([monitor.event("MIGRATION", { status: "completed" }), begin()]);
  await monitor.ask("device_add", sharesDevice);
  await monitor.ask("cont");
}
