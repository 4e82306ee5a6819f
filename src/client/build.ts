import type { Client, RequestBodyLike } from "./client.ts";
import { jsonLines } from "./json-lines.ts";
import type { QueryValues } from "./query-string.ts";

/** One line of a build: an event of isle's own, or what went wrong. */
export interface BuildLine<Event> {
  readonly aux?: Event;
  readonly error?: string;
}

export interface BuildCall {
  readonly query: QueryValues;
  readonly headers: Readonly<Record<string, string>>;
}

/** What the engine has kept of a context: what its client said of each file, and a version to build on. */
export const keptContext = (
  client: Client,
  key: string,
): Promise<{ readonly version: string; readonly facts: Readonly<Record<string, string>> }> =>
  client.json("GET", "/isle/build/context", { query: { key } });

/** Sends a context and reads the events of its build. */
export async function* buildImage<Event>(
  client: Client,
  body: RequestBodyLike,
  { query, headers }: BuildCall,
): AsyncGenerator<BuildLine<Event>, void> {
  const answer = await client.stream("POST", "/build", {
    query,
    body,
    headers: { "Content-Type": "application/x-tar", ...headers },
  });
  yield* jsonLines<BuildLine<Event>>(answer.body);
}

/** Asks about the Dockerfile of a context instead of building it. */
export async function askBuild<Answer>(
  client: Client,
  body: RequestBodyLike,
  { query, headers }: BuildCall,
): Promise<Answer> {
  const call = { query, body, headers: { "Content-Type": "application/x-tar", ...headers } };
  return JSON.parse(await client.text("POST", "/build", call)) as Answer;
}

/** The files of an output that an event of the build has told of, as a tar archive. */
export const buildOutput = async (client: Client, id: string): Promise<AsyncIterable<Uint8Array>> =>
  (await client.stream("GET", `/isle/build/output/${id}`)).body;

/** Sends what an event of the build has asked for, or why that cannot be. */
export async function sendWanted(
  client: Client,
  id: string,
  { body, error }: { readonly body: AsyncIterable<Uint8Array> | undefined; readonly error: string },
): Promise<void> {
  const headers = { "Content-Type": "application/octet-stream" };
  await client.text("PUT", `/isle/build/fetch/${id}`, { headers, ...(body ? { body } : { query: { error } }) });
}
