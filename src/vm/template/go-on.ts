import { type Monitor, monitorLine } from "../monitor.ts";
import { descriptors } from "../qemu/arguments.ts";

const orders: ReadonlyArray<readonly [string, object]> = [
  ["migrate-set-capabilities", { capabilities: [{ capability: "x-ignore-shared", state: true }] }],
  ["migrate-incoming", { uri: `fd:${descriptors.state}` }],
];

/** What a machine that was started to go on from a template is told, as lines for its monitor. */
export const goOnLines: readonly string[] = orders.map(([command, args]) => monitorLine(command, args));

/** Lets such a machine go on. */
export async function goOn(monitor: Monitor): Promise<void> {
  for (const [command, args] of orders) await monitor.ask(command, args);
}
