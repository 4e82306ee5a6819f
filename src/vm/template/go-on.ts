import { connectIn, type Monitor, openMonitor } from "../monitor.ts";
import { machineFiles } from "../places.ts";
import { descriptors, type MachineShape, sharesDevice } from "../qemu/arguments.ts";

/** Lets the machine of a directory go on, which was started for it. */
export async function letGoOn(directory: string, shape: Pick<MachineShape, "shared">): Promise<void> {
  const monitor = await openMonitor(await connectIn(directory, machineFiles.monitor));
  await goOn(monitor, shape);
  monitor.close();
}

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
