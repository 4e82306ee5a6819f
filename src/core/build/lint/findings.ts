import type { Lines } from "../source.ts";
import { lintRules, type RuleName, urlOfRule } from "./rules.ts";

/** What a rule found. */
export interface LintWarning {
  readonly rule: RuleName;
  readonly url: string;
  readonly description: string;
  readonly detail: string;
  readonly lines: Lines;
}

/** Which rules are looked for, and whether what they find is an error. */
export interface LintOptions {
  readonly skip: "all" | ReadonlySet<string>;
  readonly experimental: "all" | ReadonlySet<string>;
  readonly error: boolean;
}

/** Reads the value of `# check=…` or of the build argument of the same sense. Throws an Error for what it does not know. */
export function parseLintOptions(text: string): LintOptions {
  let options: LintOptions = { skip: new Set(), experimental: new Set(), error: false };
  for (const part of text.split(";").filter((each) => each.trim() !== "")) {
    const [, key = "", value = ""] = /^([^=]*)=?(.*)$/s.exec(part) ?? [];
    if (key === "skip" || key === "experimental") options = { ...options, [key]: ruleSet(value) };
    else if (key === "error") options = { ...options, error: truth(value) };
    else throw new Error(`failed to parse check options: invalid check option "${key.trim()}"`);
  }
  return options;
}

function ruleSet(text: string): "all" | ReadonlySet<string> {
  const names = text.split(",").map((name) => name.trim());
  return names.includes("all") ? "all" : new Set(names);
}

function truth(text: string): boolean {
  if (/^(true|1|t)$/i.test(text.trim())) return true;
  if (/^(false|0|f)$/i.test(text.trim())) return false;
  throw new Error(`failed to parse check options: invalid value ${text} for error`);
}

const includes = (set: "all" | ReadonlySet<string>, name: string): boolean => set === "all" || set.has(name);

/** Takes down what the rules find, but for those that are skipped. */
export class Findings {
  readonly warnings: LintWarning[] = [];
  readonly options: LintOptions;

  constructor(options: LintOptions) {
    this.options = options;
  }

  looksFor(rule: RuleName): boolean {
    if (lintRules[rule].experimental) return includes(this.options.experimental, rule);
    return !includes(this.options.skip, rule);
  }

  add(rule: RuleName, lines: Lines, detail: string): void {
    if (!this.looksFor(rule)) return;
    const { description } = lintRules[rule];
    this.warnings.push({ rule, url: urlOfRule(rule), description, detail, lines });
  }
}
