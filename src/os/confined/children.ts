import { ConfinedChild } from "./child.ts";

/** Who needs a child mostly needs more, one after the other: they wait so long for the next request. */
const momentMs = 2000;

let idle: ConfinedChild[] = [];
let lastly: ReturnType<typeof setTimeout> | undefined;

/** A child that has nothing to do; the next one is being started when it was the last. */
export function takeChild(): ConfinedChild {
  idle = idle.filter(({ isAlive }) => isAlive);
  const child = idle.pop() ?? new ConfinedChild();
  if (idle.length === 0) setImmediate(() => idle.length > 0 || giveBack(new ConfinedChild()));
  return child;
}

/** Takes a child back whose request is done and whose archive is read. */
export function giveBack(child: ConfinedChild): void {
  if (child.isAlive) idle.push(child);
  clearTimeout(lastly);
  lastly = setTimeout(dismiss, momentMs);
}

function dismiss(): void {
  for (const child of idle.splice(0)) child.kill();
}
