import { ignoring } from "../../../base/dockerignore.ts";
import type { ImageRunConfig } from "../../image.ts";
import { type Dockerfile, findStage, type Stage } from "../dockerfile.ts";
import type { Variables } from "../expand.ts";
import { excerptOf, ruler, type Source } from "../source.ts";
import { lintBases } from "./base-rules.ts";
import { lintFile } from "./file-rules.ts";
import { Findings, type LintWarning, parseLintOptions } from "./findings.ts";
import { type LintStage, lintStage, stageOn } from "./stage-rules.ts";

export interface LintRequest {
  readonly dockerfile: Dockerfile;
  /** Stages that are looked into, in the file's order. */
  readonly stages: readonly Stage[];
  /** Values of the global arguments, and of those that the client gives. */
  readonly globals: Variables;
  readonly args: ReadonlyMap<string, string | undefined>;
  readonly platform: Variables;
  /** Bases by the number of their stage, expanded; what is known of those that are images. */
  readonly bases: ReadonlyMap<number, string>;
  readonly configOf: (base: string) => ImageRunConfig | undefined;
  /** Patterns of the .dockerignore. */
  readonly ignored: readonly string[];
}

export interface LintResult {
  readonly warnings: readonly LintWarning[];
  /** Why what was found fails the build. */
  readonly error: string | undefined;
}

/** Looks for what BuildKit's linter looks for. Throws an Error for options that say nothing sensible. */
export function lint(request: LintRequest): LintResult {
  const { dockerfile, args, globals, platform } = request;
  const text = args.get("BUILDKIT_DOCKERFILE_CHECK") ?? dockerfile.directives["check"] ?? "";
  const findings = new Findings(parseLintOptions(text));
  lintFile(dockerfile, findings);
  lintBases(dockerfile, globals, { findings, platform });
  lintStages(request, findings);
  const { warnings, options } = findings;
  const rules = [...new Set(warnings.map(({ rule }) => rule))].sort();
  const isError = options.error && rules.length > 0;
  return { warnings, error: isError ? `lint violation found for rules: ${rules.join(", ")}` : undefined };
}

function lintStages(request: LintRequest, findings: Findings): void {
  const { dockerfile, stages, bases, configOf, args, globals, platform } = request;
  const ignores = ignoring(request.ignored);
  const done = new Map<number, LintStage>();
  for (const { index, instructions } of stages) {
    const base = bases.get(index) ?? "";
    const below = findStage(dockerfile.stages, base, index);
    const known = below && done.get(below.index);
    done.set(
      index,
      lintStage(known ?? stageOn(base === "scratch" ? {} : configOf(base)), instructions, {
        findings,
        escapeChar: dockerfile.escapeChar,
        argument: (name) => args.get(name) ?? globals.get(name) ?? platform.get(name),
        ignores,
      }),
    );
  }
}

const byPlace = (a: LintWarning, b: LintWarning): number => a.lines.first - b.lines.first;

/** As BuildKit's clients show a finding: the rule, what it found, and the lines around. */
export function lintText(file: Source, warnings: readonly LintWarning[]): string {
  return [...warnings]
    .sort(byPlace)
    .map((warning) => warningText(file, warning))
    .join("");
}

function warningText({ name, text }: Source, { rule, url, detail, lines }: LintWarning): string {
  const shown = excerptOf(text, lines);
  return ["", `WARNING: ${rule} - ${url}`, detail, `${name}:${lines.first}`, ruler, ...shown, ruler, ""].join("\n");
}
