import type { ImageRunConfig } from "../../image.ts";
import { expandWord } from "../expand.ts";
import type { Command, CopySpec, Instruction, InstructionOf, NameValue } from "../instruction.ts";
import { splitWords } from "../parse-instruction.ts";
import type { Findings } from "./findings.ts";
import { Seen } from "./seen.ts";
import { suggestion } from "./suggest.ts";

/** What a stage has, told from its instructions alone. */
export interface LintStage {
  readonly env: ReadonlyMap<string, string>;
  /** ARGs of the stage, which those on top of it have too. */
  readonly args: ReadonlyMap<string, string | undefined>;
  /** The base's environment is not known, so that no variable counts as undefined. */
  readonly isOpen: boolean;
  readonly hasShell: boolean;
  readonly hasWorkdir: boolean;
}

export interface StageFacts {
  readonly findings: Findings;
  readonly escapeChar: string;
  /** Value of an ARG: the client's, or that of the global argument of its name. */
  argument(name: string): string | undefined;
  ignores(path: string): boolean;
}

export function stageOn(config: ImageRunConfig | undefined): LintStage {
  const env = new Map((config?.Env ?? []).map((each) => [each.split("=", 1)[0]!, each.slice(each.indexOf("=") + 1)]));
  if (!env.has("PATH")) env.set("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
  return {
    env,
    args: new Map(),
    isOpen: config === undefined,
    hasShell: (config?.Shell ?? []).length > 0,
    hasWorkdir: false,
  };
}

/** Follows a stage's instructions; returns what stages on top of it have. */
export function lintStage(base: LintStage, instructions: readonly Instruction[], facts: StageFacts): LintStage {
  const walk = new Walk(base, facts);
  for (const instruction of instructions) walk.take(instruction);
  return { env: walk.env, args: walk.args, isOpen: base.isOpen, hasShell: walk.hasShell, hasWorkdir: walk.hasWorkdir };
}

const secretName = /(?:_|^)(?:apikey|auth|credentials?|key|password|pword|passwd|secret|token)(?:_|$)/i;
const publicName = /(?:_|^)public(?:_|$)/i;

class Walk {
  readonly env: Map<string, string>;
  readonly args: Map<string, string | undefined>;
  hasShell: boolean;
  hasWorkdir: boolean;
  readonly #isOpen: boolean;
  readonly #facts: StageFacts;
  readonly #last = new Map<string, Instruction>();

  constructor(base: LintStage, facts: StageFacts) {
    this.env = new Map(base.env);
    this.args = new Map(base.args);
    this.hasShell = base.hasShell;
    this.hasWorkdir = base.hasWorkdir;
    this.#isOpen = base.isOpen;
    this.#facts = facts;
  }

  take(instruction: Instruction): void {
    this.#lintVariables(instruction, expandedTexts(instruction));
    switch (instruction.kind) {
      case "arg":
        for (const { name } of instruction.args) this.#lintSecret("ARG", name, instruction);
        this.#declare(instruction);
        break;
      case "env":
        this.#lintEnv(instruction);
        break;
      case "label":
        this.#lintForm(instruction);
        break;
      case "shell":
        this.hasShell = true;
        break;
      case "workdir":
        this.#lintWorkdir(instruction);
        break;
      case "cmd":
      case "entrypoint":
        this.#lintCommand(instruction);
        this.#lintOnce(instruction);
        break;
      case "healthcheck":
        this.#lintOnce(instruction);
        break;
      case "expose":
        for (const word of instruction.words) lintPort(word, instruction, this.#facts.findings);
        break;
      case "copy":
      case "add":
        this.#lintSources(instruction);
    }
  }

  #lintEnv(instruction: Instruction & { readonly pairs: readonly NameValue[] }): void {
    this.#lintForm(instruction);
    for (const [name, value] of instruction.pairs) {
      this.#lintSecret("ENV", name, instruction);
      this.env.set(name, value);
    }
  }

  #variables(): Seen {
    const args = [...this.args].flatMap(([name, value]) => (value === undefined ? [] : [[name, value] as const]));
    return new Seen([...args, ...this.env]);
  }

  #lintVariables({ lines }: Instruction, texts: readonly string[]): void {
    const missing = new Set<string>();
    const seen = this.#variables();
    for (const text of texts) {
      try {
        expandWord(text, seen, { escapeChar: this.#facts.escapeChar });
      } catch {
        // Told by the build itself.
      }
    }
    for (const name of seen.missing) if (!this.args.has(name)) missing.add(name);
    if (this.#isOpen) return;
    for (const name of missing) {
      const near = suggestion(name, [...seen.keys()]);
      const hint = near === undefined ? "" : ` (did you mean $${near}?)`;
      this.#facts.findings.add("UndefinedVar", lines, `Usage of undefined variable '$${name}'${hint}`);
    }
  }

  #declare({ args }: InstructionOf<"arg">): void {
    for (const { name, value } of args) this.args.set(name, this.#facts.argument(name) ?? value);
  }

  #lintSecret(keyword: string, name: string, { lines }: Instruction): void {
    if (!secretName.test(name) || publicName.test(name)) return;
    const detail = `Do not use ARG or ENV instructions for sensitive data (${keyword} "${name}")`;
    this.#facts.findings.add("SecretsUsedInArgOrEnv", lines, detail);
  }

  #lintForm({ raw, lines }: Instruction): void {
    if (splitWords(raw.rest, this.#facts.escapeChar)[0]?.includes("=")) return;
    const detail = `"${raw.keyword} key=value" should be used instead of legacy "${raw.keyword} key value" format`;
    this.#facts.findings.add("LegacyKeyValueFormat", lines, detail);
  }

  #lintWorkdir({ text, lines }: Instruction & { readonly text: string }): void {
    const path = expandQuietly(text, this.#variables(), this.#facts.escapeChar);
    if (!this.hasWorkdir && !path.startsWith("/")) {
      const detail = `Relative workdir "${path}" can have unexpected results if the base image changes`;
      this.#facts.findings.add("WorkdirRelativePath", lines, detail);
    }
    this.hasWorkdir = true;
  }

  #lintCommand({ command, raw, lines }: Instruction & { readonly command: Command }): void {
    if (command.form !== "shell" || this.hasShell) return;
    const detail = `JSON arguments recommended for ${raw.typed} to prevent unintended behavior related to OS signals`;
    this.#facts.findings.add("JSONArgsRecommended", lines, detail);
  }

  #lintOnce(instruction: Instruction): void {
    const { keyword } = instruction.raw;
    const before = this.#last.get(keyword);
    this.#last.set(keyword, instruction);
    if (before === undefined) return;
    const why = "should not be used in the same stage because only the last one will be used";
    this.#facts.findings.add("MultipleInstructionsDisallowed", before.lines, `Multiple ${keyword} instructions ${why}`);
  }

  #lintSources({ kind, from, sources, lines }: InstructionOf<"copy"> | InstructionOf<"add">): void {
    if (from !== undefined || !this.#facts.findings.looksFor("CopyIgnoredFile")) return;
    for (const source of sources) {
      const path = expandQuietly(source, this.#variables(), this.#facts.escapeChar);
      if (/^\w+:\/\//.test(path) || !this.#facts.ignores(path)) continue;
      const verb = kind === "copy" ? "Copy" : "Add";
      const detail = `Attempting to ${verb} file "${path}" that is excluded by .dockerignore`;
      this.#facts.findings.add("CopyIgnoredFile", lines, detail);
    }
  }
}

function expandQuietly(text: string, variables: Seen, escapeChar: string): string {
  try {
    return expandWord(text, variables, { escapeChar });
  } catch {
    return text;
  }
}

function lintPort(word: string, { lines }: Instruction, findings: Findings): void {
  const [ports = "", protocol] = word.split("/");
  if (protocol !== undefined && protocol !== protocol.toLowerCase()) {
    findings.add("ExposeProtoCasing", lines, `Defined protocol '${word}' in EXPOSE instruction should be lowercase`);
  }
  if (!ports.includes(":")) return;
  const why = "EXPOSE instruction should not define an IP address or host-port mapping";
  findings.add("ExposeInvalidFormat", lines, `${why}, found '${word}'`);
}

/** The parts of an instruction in which variables mean something. */
function expandedTexts(instruction: Instruction): string[] {
  switch (instruction.kind) {
    case "arg":
      return instruction.args.flatMap(({ value }) => value ?? []);
    case "env":
    case "label":
      return instruction.pairs.flat();
    case "user":
    case "workdir":
    case "stopsignal":
      return [instruction.text];
    case "volume":
      return [...instruction.words];
    case "run":
      return [...instruction.mounts];
    case "copy":
    case "add":
      return copyTexts(instruction);
    default:
      return [];
  }
}

const copyTexts = ({ sources, target, chown, chmod, documents }: CopySpec): string[] => [
  ...[...sources, target, chown ?? "", chmod ?? ""],
  ...documents.filter(({ expands }) => expands).map(({ content }) => content),
];
