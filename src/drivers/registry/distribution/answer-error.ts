import { type ErrorCode, IsleError } from "../../../base/error.ts";
import { readJsonObject } from "./body.ts";
import type { WireResponse } from "./transport.ts";

const codes: Record<number, ErrorCode> = {
  400: "invalid",
  401: "unauthorized",
  403: "forbidden",
  404: "notFound",
  405: "unsupported",
  416: "invalid",
  429: "unavailable",
};

/** The error a registry's answer stands for, in the registry's own words where it gave some. Consumes the body. */
export async function answerError(response: WireResponse, what: string): Promise<IsleError> {
  const status = response.statusCode;
  const body = await readJsonObject(response, 64 << 10, what).catch(() => undefined);
  const code = codes[status] ?? (status >= 500 ? "unavailable" : "internal");
  const said = registryWords(body);
  if (status === 429) return new IsleError(code, said ?? "toomanyrequests: the registry asks to slow down");
  return new IsleError(code, said ?? `${what}: the registry answered ${status}${plainReason(status)}`);
}

/** `denied: requested access to the resource is denied`, joined as Docker joins several. */
function registryWords(body: Record<string, unknown> | undefined): string | undefined {
  const errors = Array.isArray(body?.["errors"]) ? (body["errors"] as unknown[]) : [];
  const words = errors.slice(0, 5).map((error) => {
    const { code, message } = (error ?? {}) as { code?: unknown; message?: unknown };
    const name = String(code ?? "unknown")
      .toLowerCase()
      .replaceAll("_", " ")
      .slice(0, 100);
    return `${name}: ${String(message ?? name).slice(0, 500)}`;
  });
  return words.length > 0 ? words.join("\n") : undefined;
}

const plainReason = (status: number): string => (status === 401 ? ": authentication required" : "");
