import { request } from "node:http";
import type { Json } from "../support/api-client.ts";
import type { Step } from "./differential-steps.ts";

export interface Answer {
  readonly status: number;
  readonly type: string;
  readonly text: string;
  /** The body as JSON, or undefined. */
  readonly json: Json;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

/** Sends one request to an engine that need not keep to the specification. */
export function ask(socketPath: string, step: Step, body?: Uint8Array): Promise<Answer> {
  const data = step.json === undefined ? (body ?? step.body) : JSON.stringify(step.json);
  const query = new URLSearchParams(step.query ?? {}).toString();
  const type = step.json === undefined ? "application/octet-stream" : "application/json";
  const sized = data === undefined ? {} : { "Content-Type": type, "Content-Length": String(Buffer.byteLength(data)) };
  return new Promise((resolve, reject) => {
    const sent = request(
      {
        socketPath,
        method: step.method,
        path: query === "" ? step.path : `${step.path}?${query}`,
        agent: false,
        headers: { Host: "engine", ...sized, ...step.headers },
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.once("close", () => {
          const text = Buffer.concat(chunks).toString();
          const { statusCode = 0, headers } = response;
          resolve({ status: statusCode, type: headers["content-type"] ?? "", text, json: parsed(text), headers });
        });
      },
    );
    sent.once("error", reject);
    sent.end(data);
  });
}

function parsed(text: string): Json {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
