import { sign } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface TokenServer {
  readonly realm: string;
  /** Requests so far, as `METHOD path?query`. */
  readonly requests: string[];
  close(): Promise<void>;
}

export interface TokenServerOptions {
  readonly issuer: string;
  readonly service: string;
  /** PEM of the private key and certificate; the registry trusts the certificate. */
  readonly keyFile: string;
  readonly certFile: string;
  readonly user: { readonly name: string; readonly password: string };
  readonly identityToken: string;
}

/** An authorization server as the distribution token specification describes, for one user who may do everything. */
export async function startTokenServer(options: TokenServerOptions): Promise<TokenServer> {
  const requests: string[] = [];
  const server = createServer((request, response) => {
    requests.push(`${request.method} ${request.url}`);
    void answer(request, response, options);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    realm: `http://127.0.0.1:${(server.address() as AddressInfo).port}/token`,
    requests,
    close: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

async function answer(request: IncomingMessage, response: ServerResponse, options: TokenServerOptions): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  const url = new URL(request.url!, "http://token");
  const form = new URLSearchParams(Buffer.concat(chunks).toString());
  const scopes = request.method === "POST" ? (form.get("scope") ?? "").split(" ") : url.searchParams.getAll("scope");
  if (!mayHave(request, form, options)) {
    response.writeHead(401, { "Content-Type": "application/json" });
    response.end(JSON.stringify({ errors: [{ code: "UNAUTHORIZED", message: "incorrect username or password" }] }));
    return;
  }
  const token = makeToken(
    scopes.filter((scope) => scope !== ""),
    options,
  );
  const offline = url.searchParams.get("offline_token") === "true";
  response.writeHead(200, { "Content-Type": "application/json" });
  response.end(JSON.stringify({ token, expires_in: 300, ...(offline && { refresh_token: options.identityToken }) }));
}

function mayHave(
  request: IncomingMessage,
  form: URLSearchParams,
  { user, identityToken }: TokenServerOptions,
): boolean {
  if (request.method === "POST") return form.get("refresh_token") === identityToken;
  const wanted = `Basic ${Buffer.from(`${user.name}:${user.password}`).toString("base64")}`;
  return request.headers.authorization === wanted;
}

function makeToken(
  scopes: readonly string[],
  { issuer, service, keyFile, certFile, user }: TokenServerOptions,
): string {
  const access = scopes.map((scope) => {
    const [type, name, actions = ""] = scope.split(":");
    return { type, name, actions: actions.split(",") };
  });
  const seconds = Math.floor(Date.now() / 1000);
  const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");
  const certificate = readFileSync(certFile, "utf8").replace(/-----[^-]+-----|\s/g, "");
  const head = encode({ typ: "JWT", alg: "RS256", x5c: [certificate] });
  const body = encode({
    iss: issuer,
    sub: user.name,
    aud: service,
    exp: seconds + 300,
    nbf: seconds - 10,
    iat: seconds,
    jti: crypto.randomUUID(),
    access,
  });
  const signature = sign("sha256", Buffer.from(`${head}.${body}`), readFileSync(keyFile)).toString("base64url");
  return `${head}.${body}.${signature}`;
}
