import { IsleError } from "../base/error.ts";
import type { ExitWatch, Runtime } from "../core/runtime.ts";
import { watchExits } from "../drivers/runtime/oci/exits.ts";
import { createOciRuntime } from "../drivers/runtime/oci/oci-runtime.ts";
import { findProgram } from "../os/find-program.ts";
import { sealProgram } from "../os/sealed-program.ts";
import type { DaemonConfig } from "./config.ts";
import type { DaemonPaths } from "./paths.ts";
import { requireProgram } from "./programs.ts";

/** OCI runtimes looked for on every machine, by the name users write; the first that is there is the default. */
const known: ReadonlyArray<{ name: string; program: string; args?: readonly string[]; seals?: boolean }> = [
  { name: "crun", program: "crun", seals: true },
  { name: "runc", program: "runc", seals: true },
  { name: "gvisor", program: "runsc", args: ["--network=sandbox"] },
];

export interface Runtimes {
  readonly byName: ReadonlyMap<string, Runtime>;
  readonly programs: Readonly<Record<string, string>>;
  readonly defaultName: string;
  readonly conmon: string;
  readonly exits: ExitWatch;
}

export function createRuntimes(config: DaemonConfig, paths: DaemonPaths): Runtimes {
  const conmon = requireProgram("conmon", "conmon");
  const wanted = [
    ...known.flatMap(({ name, program, args = [], seals = false }) => {
      const path = findProgram(program);
      return path ? [{ name, path, args, runs: seals ? sealProgram(path, paths.sealed(program)) : path }] : [];
    }),
    ...Object.entries(config.runtimes).map(([name, { path, runtimeArgs }]) => ({
      ...{ name, path, args: runtimeArgs, runs: path },
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
      createOciRuntime({
        name,
        program: runs,
        globalArgs: args,
        compiledSeccomp: path.endsWith("/crun"),
        stateRoot: paths.runtimeState(name),
        conmon,
        exitDir: paths.exits,
        execDir: paths.exec,
        bundleOf: paths.instance,
      }),
    ]),
  );
  return {
    byName,
    programs: Object.fromEntries(wanted.map(({ name, path }) => [name, path])),
    defaultName,
    conmon,
    exits: watchExits(paths.exits),
  };
}
