import { unsupported } from "../../base/error.ts";
import { lintText } from "../../core/build/lint/lint.ts";
import type { Outline, OutlineMount, OutlineTarget } from "../../core/build/outline.ts";
import { type CheckRequest, checkBuild, outlineBuild, targetsOfBuild } from "../../engine/build/check-build.ts";
import type { ImageDeps } from "../../engine/deps.ts";

/** What BuildKit's frontend answers to a question about a Dockerfile, in both its forms. */
export interface SubrequestAnswer {
  readonly json: object;
  readonly text: string;
  /** What the client's process ends with. */
  readonly statusCode: number;
}

/** Questions by the names that clients give them, with what they are for. */
const questions = {
  check: "Look a Dockerfile over without building it",
  outline: "List what the target may be given",
  targets: "List the stages that can be built",
  "subrequests.describe": "List these questions",
} as const;

export type Question = keyof typeof questions;

const ids: Readonly<Record<string, Question>> = {
  "frontend.lint": "check",
  "frontend.outline": "outline",
  "frontend.targets": "targets",
  "frontend.subrequests.describe": "subrequests.describe",
};

/** By its short name, or as BuildKit's protocol has it. */
export function questionOf(name: string): Question {
  const short = name === "lint" ? "check" : (ids[name] ?? name);
  if (Object.hasOwn(questions, short)) return short as Question;
  throw unsupported(`the question "${name}" about a Dockerfile`, {
    hint: `there is ${Object.keys(questions).join(", ")}`,
  });
}

export function answerQuestion(deps: ImageDeps, question: Question, request: CheckRequest): SubrequestAnswer {
  switch (question) {
    case "check":
      return checkAnswer(deps, request);
    case "outline":
      return outlineAnswer(request);
    case "targets":
      return targetsAnswer(request);
    case "subrequests.describe":
      return describeAnswer();
  }
}

const rangesOf = (first: number, last: number) =>
  Array.from({ length: last - first + 1 }, (_, index) => ({
    start: { line: first + index },
    end: { line: first + index },
  }));
const locationOf = (line: number) => ({ location: { ranges: rangesOf(line, line) } });
const sourcesOf = ({ dockerfile }: CheckRequest) => [Buffer.from(dockerfile.text).toString("base64")];

function checkAnswer(deps: ImageDeps, request: CheckRequest): SubrequestAnswer {
  const { warnings, error } = checkBuild(deps, request);
  const { dockerfile } = request;
  const [message = "", place = ""] = (error ?? "").split("\n");
  const line = Number(/:(\d+)$/.exec(place)?.[1]);
  const found = warnings.map(({ rule, description, url, detail, lines }) => ({
    ...{ ruleName: rule, description, url, detail },
    location: { sourceIndex: 0, ranges: rangesOf(lines.first, lines.last) },
  }));
  return {
    json: {
      warnings: found,
      sources: [{ filename: dockerfile.name, data: sourcesOf(request)[0], language: "Dockerfile" }],
      ...(error !== undefined && {
        buildError: { message, location: line > 0 ? { sourceIndex: 0, ranges: rangesOf(line, line) } : {} },
      }),
    },
    text: lintText(dockerfile, warnings) + (error === undefined ? "" : `ERROR: ${error}\n`),
    statusCode: warnings.length > 0 || error !== undefined ? 1 : 0,
  };
}

function outlineAnswer(request: CheckRequest): SubrequestAnswer {
  const outline = outlineBuild(request);
  const { name, description, args, secrets, ssh } = outline;
  const mount = ({ line, required, name: id }: OutlineMount) => ({
    ...{ name: id, ...(required && { required }) },
    ...locationOf(line),
  });
  return {
    json: {
      ...(name !== undefined && { name }),
      ...(description !== undefined && { description }),
      ...(args.length > 0 && { args: args.map(({ line, ...each }) => ({ ...each, ...locationOf(line) })) }),
      ...(secrets.length > 0 && { secrets: secrets.map(mount) }),
      ...(ssh.length > 0 && { ssh: ssh.map(mount) }),
      sources: sourcesOf(request),
    },
    text: outlineText(outline),
    statusCode: 0,
  };
}

function outlineText({ name, description, args, secrets, ssh }: Outline): string {
  const head = [
    ...(name === undefined ? [] : [["TARGET:", name]]),
    ...(description === undefined ? [] : [["DESCRIPTION:", description]]),
  ];
  const mounts = (title: string, list: readonly OutlineMount[]): string =>
    list.length === 0
      ? ""
      : `\n${table([[title, "REQUIRED"], ...list.map((each) => [each.name, each.required ? "true" : ""])], 3)}`;
  const rows = args.map((each) => [each.name, each.value ?? "", each.description ?? ""]);
  const listed = args.length === 0 ? "" : `\n${table([["BUILD ARG", "VALUE", "DESCRIPTION"], ...rows], 3)}`;
  return `${table(head, 1)}${listed}${mounts("SECRET", secrets)}${mounts("SSH", ssh)}`;
}

/** Columns as wide as their longest word; the last one is not padded. */
function table(rows: ReadonlyArray<readonly string[]>, gap: number): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]!.length)) + gap);
  const line = (row: readonly string[]): string =>
    row.map((word, column) => (column === row.length - 1 ? word : word.padEnd(widths[column]!))).join("");
  return rows.map((row) => `${line(row)}\n`).join("");
}

function targetsAnswer(request: CheckRequest): SubrequestAnswer {
  const targets = targetsOfBuild(request);
  const shown = ({ name = "", isDefault }: OutlineTarget): string =>
    [name, ...(isDefault ? ["(default)"] : [])].filter(Boolean).join(" ");
  return {
    json: {
      targets: targets.map(({ name, isDefault, description, base, line }) => ({
        ...(name !== undefined && { name }),
        ...(isDefault && { default: true }),
        ...(description !== undefined && { description }),
        ...{ base, ...locationOf(line) },
      })),
      sources: sourcesOf(request),
    },
    text: table([["TARGET", "DESCRIPTION"], ...targets.map((each) => [shown(each), each.description ?? ""])], 1),
    statusCode: 0,
  };
}

function describeAnswer(): SubrequestAnswer {
  const all = Object.entries(ids).map(([id, short]) => ({
    ...{ name: id, version: "1.0.0", type: "rpc", description: questions[short] },
    ...{ metadata: [{ name: "result.json" }, { name: "result.txt" }] },
  }));
  const rows = Object.entries(questions).map(([name, what]) => [name, "1.0.0", what]);
  return { json: all, text: table([["NAME", "VERSION", "DESCRIPTION"], ...rows], 1), statusCode: 0 };
}
