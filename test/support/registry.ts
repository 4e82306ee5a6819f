import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startTokenServer, type TokenServer } from "./token-server.ts";

export interface TestRegistry {
  /** `127.0.0.1:PORT`. */
  readonly host: string;
  /** Directory for `certsDirs` that trusts this registry; only with `tls`. */
  readonly certsDir: string;
  readonly tokens: TokenServer | undefined;
  close(): Promise<void>;
}

export interface TestRegistryOptions {
  readonly tls?: boolean;
  readonly auth?: "basic" | "token";
  /** Makes a command run where the registry is to run, such as a daemon's namespaces. */
  readonly enter?: (command: readonly string[]) => string[];
}

export const testUser = { name: "ann", password: "se:cret é" };
export const testIdentityToken = "identity-of-ann";

/** Starts Debian's docker-registry on a free loopback port, with an empty store that goes away on close. */
export async function startRegistry(options: TestRegistryOptions = {}): Promise<TestRegistry> {
  const directory = mkdtempSync(join(tmpdir(), "isle-registry-"));
  const port = await freePort();
  const host = `127.0.0.1:${port}`;
  const certsDir = join(directory, "certs.d");
  makeCertificate(directory, join(certsDir, host));
  const tokens = options.auth === "token" ? await startTestTokens(directory) : undefined;
  const config = join(directory, "config.json");
  writeFileSync(config, JSON.stringify(registryConfig(directory, host, { ...options, realm: tokens?.realm })));
  const [program, ...args] = (options.enter ?? ((command) => [...command]))(["docker-registry", "serve", config]);
  const child = spawn(program!, args, { stdio: ["ignore", "ignore", "pipe"] });
  const close = async (): Promise<void> => {
    await tokens?.close();
    await stop(child);
    rmSync(directory, { recursive: true, force: true });
  };
  try {
    await listening(child);
  } catch (error) {
    await close();
    throw error;
  }
  return { host, certsDir, tokens, close };
}

function makeCertificate(directory: string, trustDirectory: string): void {
  const [key, cert] = [join(directory, "key.pem"), join(directory, "cert.pem")];
  const request = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=isle test"];
  const names = ["-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost"];
  execFileSync("openssl", [...request, ...names, "-keyout", key, "-out", cert], { stdio: "ignore" });
  execFileSync("mkdir", ["-p", trustDirectory]);
  execFileSync("cp", [cert, join(trustDirectory, "ca.crt")]);
}

const startTestTokens = (directory: string): Promise<TokenServer> =>
  startTokenServer({
    issuer: "isle test issuer",
    service: "isle test registry",
    keyFile: join(directory, "key.pem"),
    certFile: join(directory, "cert.pem"),
    user: testUser,
    identityToken: testIdentityToken,
  });

function registryConfig(
  directory: string,
  host: string,
  { tls, auth, realm }: TestRegistryOptions & { realm: string | undefined },
): object {
  const cert = join(directory, "cert.pem");
  return {
    version: 0.1,
    log: { level: "info", accesslog: { disabled: true } },
    storage: { filesystem: { rootdirectory: join(directory, "store") }, delete: { enabled: true } },
    http: { addr: host, ...(tls && { tls: { certificate: cert, key: join(directory, "key.pem") } }) },
    ...(auth === "basic" && { auth: { htpasswd: { realm: "isle test", path: makePasswords(directory) } } }),
    ...(auth === "token" && {
      auth: { token: { realm, service: "isle test registry", issuer: "isle test issuer", rootcertbundle: cert } },
    }),
  };
}

function makePasswords(directory: string): string {
  const file = join(directory, "htpasswd");
  writeFileSync(file, execFileSync("htpasswd", ["-Bbn", "-C", "4", testUser.name, testUser.password]));
  return file;
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address ? address.port : 0));
    });
  });
}

/** Resolves on the registry's own word that it listens; rejects with what it said when it ends before. */
function listening(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    let said = "";
    child.once("error", reject);
    child.once("exit", () => reject(new Error(`docker-registry ended: ${said}`)));
    child.stderr!.on("data", (chunk: Buffer) => {
      said = (said + chunk.toString()).slice(-4000);
      if (said.includes("listening on")) resolve();
    });
  });
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const ended = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGKILL");
  await ended;
}
