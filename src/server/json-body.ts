import type { IncomingMessage } from "node:http";
import { requestShapes } from "../api/generated/request-shapes.ts";
import { type Shape, shapeProblems } from "../api/shape.ts";
import { invalid, messageOf } from "../base/error.ts";

const maxBytes = 4 << 20;

/** The body as JSON; undefined when empty. Stops reading a body that grows beyond the limit. */
export async function readJsonBody(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > maxBytes) throw invalid(`request body is larger than ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  const text = Buffer.concat(chunks).toString().trim();
  if (text === "") return undefined;
  // The kernel's strings end there: what was checked would not be what is used.
  if (/(?<!\\)(\\\\)*\\u0000/.test(text)) throw invalid("invalid request body: a text contains a NUL character");
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    throw invalid(`invalid JSON: ${messageOf(cause)}`, { cause });
  }
}

/** The body as an object of a shape of the specification; what does not fit is refused by its path. */
export async function readObject<T extends object>(
  exchange: { readJson(): Promise<unknown> },
  shape: Shape,
  options: { optional?: boolean } = {},
): Promise<T> {
  const body = await exchange.readJson();
  if (body === undefined || body === null) {
    if (options.optional) return {} as T;
    throw invalid("invalid JSON: got EOF while reading request body");
  }
  if (typeof body !== "object" || Array.isArray(body)) throw invalid("invalid request body: want a JSON object");
  const problems = shapeProblems(body, shape, { definitions: requestShapes, strict: false });
  if (problems.length > 0) throw invalid(`invalid request body: ${problems.slice(0, 3).join("; ")}`);
  return body as T;
}

export const shapeOf = (name: string): Shape => ({ $ref: `#/definitions/${name}` });
