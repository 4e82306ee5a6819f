import { mkdirSync, realpathSync, rmSync, symlinkSync } from "node:fs";
import { basename, dirname } from "node:path";
import { IsleError } from "../base/error.ts";
import type { Logger } from "../base/log.ts";
import type { ExitWatch, Isolation, Runtime } from "../core/runtime.ts";
import { watchExits } from "../drivers/runtime/oci/exits.ts";
import { createGuestRuntime, type GuestParts } from "../drivers/runtime/oci/guest-runtime.ts";
import { createOciRuntime } from "../drivers/runtime/oci/oci-runtime.ts";
import { runscArgs, writeRunscLauncher } from "../drivers/runtime/oci/runsc.ts";
import { findProgram } from "../os/find-program.ts";
import { sealProgram } from "../os/sealed-program.ts";
import { selfCommand } from "../os/self.ts";
import { MachinePool } from "../vm/pool/pool.ts";
import type { DaemonConfig } from "./config.ts";
import type { DaemonPaths } from "./paths.ts";
import { requireProgram } from "./programs.ts";

interface Known {
  readonly name: string;
  readonly program: string;
  readonly args?: readonly string[];
}

/** OCI runtimes looked for on every machine, by the name users write; the first that is there is the default. */
const known: readonly Known[] = [
  { name: "crun", program: "crun" },
  { name: "runc", program: "runc" },
  { name: "gvisor", program: "runsc", args: runscArgs },
  { name: "runsc", program: "runsc", args: runscArgs },
];

/** Our own runtime for microVMs: this program by another name, where QEMU is installed. */
const guestRuntime = "isle-vm";

export interface Runtimes {
  readonly byName: ReadonlyMap<string, Runtime>;
  readonly programs: Readonly<Record<string, string>>;
  readonly defaultName: string;
  readonly conmon: string;
  readonly exits: ExitWatch;
  readonly pool: MachinePool;
}

export function createRuntimes(config: DaemonConfig, paths: DaemonPaths, log: Logger): Runtimes {
  const pool = new MachinePool({
    directory: paths.pool,
    disks: paths.poolDisks,
    templates: paths.templates,
    size: config.microvmPool,
    log,
  });
  const conmon = requireProgram("conmon", "conmon");
  const wanted = [
    ...known.flatMap(({ name, program, args = [] }) => {
      const path = findProgram(program);
      return path ? [{ name, path, args, runs: launchable(path, paths) }] : [];
    }),
    ...guestPrograms(paths),
    ...Object.entries(config.runtimes).map(([name, { path, runtimeArgs: args }]) => ({
      ...(basename(path) === "runsc"
        ? { name, path, args: [...runscArgs, ...args], runs: launchable(path, paths) }
        : { name, path, args, runs: path }),
    })),
  ];
  const defaultName = config.defaultRuntime ?? wanted[0]?.name;
  if (!defaultName || !wanted.some(({ name }) => name === defaultName)) {
    throw new IsleError(
      "unavailable",
      defaultName ? `runtime ${defaultName} is not known` : "no OCI runtime is installed",
      {
        hint: "apt-get install crun",
      },
    );
  }
  const byName = new Map(
    wanted.map(({ name, path, args, runs }) => [
      name,
      createRuntime(
        { pool, templates: paths.templates, scratch: paths.helpers },
        {
          name,
          program: runs,
          globalArgs: args,
          isolation: isolationOf(path),
          mapsUsers: name === "crun" && path.endsWith("/crun"),
          compiledSeccomp: path.endsWith("/crun") || name === guestRuntime,
          stateRoot: paths.runtimeState(name),
          conmon,
          exitDir: paths.exits,
          execDir: paths.exec,
          bundleOf: paths.instance,
        },
      ),
    ]),
  );
  return {
    byName,
    programs: Object.fromEntries(wanted.map(({ name, path }) => [name, path])),
    defaultName,
    conmon,
    exits: watchExits(paths.exits),
    pool,
  };
}

const createRuntime = (parts: GuestParts, options: Parameters<typeof createOciRuntime>[0]): Runtime =>
  options.name === guestRuntime ? createGuestRuntime(options, parts) : createOciRuntime(options);

const isolations: Readonly<Record<string, Isolation>> = { runsc: "sandbox", [guestRuntime]: "microvm" };
const isolationOf = (path: string): Isolation => isolations[basename(path)] ?? "container";

/** What is run in a runtime's place: a sealed copy, or a program that first prepares its surroundings. */
function launchable(path: string, paths: DaemonPaths): string {
  const name = basename(path);
  const stand = paths.launcher(name);
  return name === "runsc" ? writeRunscLauncher(path, stand) : sealProgram(path, stand);
}

/** conmon calls a runtime by a path, so the name it is known by stands beside what must not survive a boot. */
function guestPrograms(paths: DaemonPaths) {
  const { program, args } = selfCommand();
  if (args.length > 0 || !findProgram("qemu-system-x86_64")) return [];
  const path = paths.guestRuntime;
  mkdirSync(dirname(path), { recursive: true, mode: 0o711 });
  rmSync(path, { force: true });
  symlinkSync(realpathSync(program), path);
  const orders = ["--templates", paths.templates, "--pool", paths.pool];
  return [{ name: guestRuntime, path, args: orders, runs: path }];
}
