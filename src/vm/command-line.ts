import { parseArgs } from "node:util";
import { invalid, messageOf } from "../base/error.ts";
import { defaultRoot } from "./state.ts";

type OptionKind = "boolean" | "string";
type Options = Readonly<Record<string, OptionKind | { readonly type: "string"; readonly short: string }>>;

const globalOptions: Options = {
  root: "string",
  log: "string",
  "log-format": "string",
  "log-level": "string",
  // Of an engine of ours: where its templates and waiting machines are.
  templates: "string",
  pool: "string",
  debug: "boolean",
  "systemd-cgroup": "boolean",
  rootless: "string",
  version: "boolean",
  help: "boolean",
};

/** What each sub-command takes, as the OCI runtime command line has it. */
const commandOptions: Readonly<Record<string, Options>> = {
  create: {
    bundle: { type: "string", short: "b" },
    "pid-file": "string",
    "console-socket": "string",
    "no-pivot": "boolean",
    "no-new-keyring": "boolean",
    "preserve-fds": "string",
  },
  run: {
    bundle: { type: "string", short: "b" },
    "pid-file": "string",
    "no-pivot": "boolean",
    "no-new-keyring": "boolean",
    "preserve-fds": "string",
  },
  start: {},
  state: {},
  kill: { all: { type: "string", short: "a" } },
  delete: { force: "boolean" },
  exec: {
    process: { type: "string", short: "p" },
    "console-socket": "string",
    "pid-file": "string",
    detach: "boolean",
    tty: "boolean",
    "preserve-fds": "string",
    cwd: "string",
    env: "string",
    user: "string",
  },
  ps: { format: { type: "string", short: "f" } },
  pause: {},
  resume: {},
  update: { resources: { type: "string", short: "r" } },
  list: { format: "string", quiet: "boolean" },
  features: {},
  prepare: {},
  template: {},
};

const shortNames: Readonly<Record<string, string>> = { force: "f", detach: "d", tty: "t", quiet: "q", all: "a" };

export interface CommandLine {
  readonly root: string;
  readonly log: string | undefined;
  readonly logFormat: string;
  readonly templates: string | undefined;
  readonly pool: string | undefined;
  readonly command: string;
  readonly options: Readonly<Record<string, string | boolean | undefined>>;
  readonly words: readonly string[];
}

/** Reads an OCI runtime command line: options of all commands, the command, its own options, its words. */
export function parseCommandLine(args: readonly string[]): CommandLine {
  const at = commandIndex(args);
  const global = parse(args.slice(0, at), globalOptions).values;
  const command = global["version"] ? "version" : global["help"] ? "help" : (args[at] ?? "help");
  const own = commandOptions[command];
  if (!own && !["help", "version"].includes(command)) throw invalid(`unknown command: ${command}`);
  const { values, positionals } = own ? parse(args.slice(at + 1), own) : { values: {}, positionals: [] };
  if (values["preserve-fds"] !== undefined && values["preserve-fds"] !== "0") {
    throw invalid("--preserve-fds: descriptors of the host cannot be handed into a microVM");
  }
  return {
    root: String(global["root"] ?? defaultRoot),
    log: global["log"] as string | undefined,
    logFormat: String(global["log-format"] ?? "text"),
    templates: global["templates"] as string | undefined,
    pool: global["pool"] as string | undefined,
    command,
    options: values,
    words: positionals,
  };
}

/** The first word that is neither an option nor the value of one. */
function commandIndex(args: readonly string[]): number {
  for (let i = 0; i < args.length; i += 1) {
    const word = args[i]!;
    if (!word.startsWith("-")) return i;
    const name = word.replace(/^--?/, "");
    if (!name.includes("=") && globalOptions[name] === "string") i += 1;
  }
  return args.length;
}

function parse(args: readonly string[], options: Options) {
  const table = Object.fromEntries(
    Object.entries(options).map(([name, kind]) => {
      // A flag with a value in some callers' hands (`--all true`) is a flag here.
      const type = name === "all" || kind === "boolean" ? ("boolean" as const) : ("string" as const);
      const short = typeof kind === "object" ? kind.short : shortNames[name];
      return [name, short ? { type, short } : { type }];
    }),
  );
  try {
    // What follows the container's id in an exec is its command, options and all.
    const { own, rest } = splitWords(args, table);
    const { values, positionals } = parseArgs({ args: own, options: table, allowPositionals: true, strict: true });
    return {
      values: values as Record<string, string | boolean | undefined>,
      positionals: [...positionals, ...rest],
    };
  } catch (cause) {
    throw invalid(messageOf(cause), { cause });
  }
}

function splitWords(args: readonly string[], table: Record<string, { type: "boolean" | "string"; short?: string }>) {
  const names = new Map<string, "boolean" | "string">(
    Object.entries(table).flatMap(([name, { type, short }]) => [
      [`--${name}`, type] as const,
      ...(short ? [[`-${short}`, type] as const] : []),
    ]),
  );
  const options: string[] = [];
  const words: string[] = [];
  for (let i = 0; i < args.length; i += 1) {
    const word = args[i]!;
    if (words.length >= 1 && names.has("--process") && words.length > 0) words.push(word);
    else if (word.startsWith("-") && word !== "-") {
      options.push(word);
      if (names.get(word) === "string") options.push(args[++i] ?? "");
    } else words.push(word);
  }
  return { own: options, rest: words };
}
