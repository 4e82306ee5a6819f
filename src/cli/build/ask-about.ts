import { askBuild } from "../../client/build.ts";
import type { Client } from "../../client/client.ts";
import type { QueryValues } from "../../client/query-string.ts";
import type { Io } from "../io.ts";
import { type BuildSources, definitionBody } from "./send-build.ts";

interface Asked {
  /** `check`, `outline` or `targets`, and `,format=json` after it. */
  readonly question: string;
  readonly query: QueryValues;
  readonly headers: Readonly<Record<string, string>>;
}

interface Answer {
  readonly json: { readonly warnings?: readonly unknown[]; readonly buildError?: unknown };
  readonly text: string;
  readonly statusCode: number;
}

/** Asks about a Dockerfile and prints the answer; returns what the command ends with. */
export async function askAbout(
  { client, io }: { client: Client; io: Io },
  sources: BuildSources,
  { question, query, headers }: Asked,
): Promise<number> {
  const [call, ...options] = question.split(",");
  const named = Object.keys(sources.elsewhere).length > 0 ? { named: JSON.stringify(sources.elsewhere) } : {};
  const answer = await askBuild<Answer>(client, definitionBody(sources), {
    query: { ...query, ...sources.query, ...named, call },
    headers,
  });
  if (options.includes("format=json")) {
    await io.stdout.write(`${JSON.stringify(answer.json, null, 2)}\n`);
    return answer.statusCode;
  }
  if (call === "check") await io.stdout.write(`${headOf(answer)}\n`);
  await io.stdout.write(answer.text);
  return answer.statusCode;
}

function headOf({ json: { warnings = [], buildError } }: Answer): string {
  if (warnings.length === 0) return buildError === undefined ? "Check complete, no warnings found." : "Check complete.";
  const count = warnings.length;
  return `Check complete, ${count} warning${count === 1 ? " has" : "s have"} been found!`;
}
