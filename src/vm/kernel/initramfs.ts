import { execFileSync } from "node:child_process";
import { globSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { IsleError } from "../../base/error.ts";
import { type CpioEntry, makeCpio } from "./cpio.ts";
import { guestModules, loadOrder, moduleName, moduleNeeds } from "./modules.ts";

const directory = (name: string): CpioEntry => ({ name, mode: 0o40755 });
const file = (name: string, content: Uint8Array, mode = 0o100644): CpioEntry => ({ name, mode, content });

/** The agent as the first program, and the modules that it loads, in their order. */
export function makeInitramfs(agent: string, modulesDirectory: string): Buffer {
  const modules = readModules(modulesDirectory);
  const names = modules.map(({ name }) => `${name}.ko\n`).join("");
  return makeCpio([
    file("init", readFileSync(agent), 0o100755),
    directory("dev"),
    { name: "dev/console", mode: 0o20600, device: [5, 1] },
    directory("modules"),
    file("modules/order", Buffer.from(names)),
    ...modules.map(({ name, content }) => file(`modules/${name}.ko`, content)),
  ]);
}

function readModules(top: string): Array<{ name: string; content: Buffer }> {
  const paths = new Map(globSync(join(top, "kernel/**/*.ko*")).map((path) => [moduleName(basename(path)), path]));
  if (paths.size === 0) throw new IsleError("unavailable", `no modules of the guest's kernel in ${top}`);
  const contents = new Map<string, Buffer>();
  const pending = [...guestModules];
  for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
    const path = paths.get(name);
    if (!path || contents.has(name)) continue;
    const content = readModule(path);
    contents.set(name, content);
    pending.push(...moduleNeeds(content));
  }
  const order = loadOrder(guestModules, (name) => {
    const content = contents.get(name);
    return content && moduleNeeds(content);
  });
  return order.map((name) => ({ name, content: contents.get(name)! }));
}

/** Newer packages have their modules compressed. */
function readModule(path: string): Buffer {
  if (path.endsWith(".ko")) return readFileSync(path);
  const program = path.endsWith(".xz") ? "xz" : path.endsWith(".zst") ? "zstd" : "gzip";
  return execFileSync(program, ["-dc", path], { maxBuffer: 64 << 20 });
}
