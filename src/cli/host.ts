import type { Endpoint, TlsFiles } from "../base/byte-stream.ts";
import { usageError } from "./exit.ts";

const defaultHost = "unix:///run/isle/isle.sock";

export interface HostFlags {
  readonly host: string;
  readonly tls: boolean;
  readonly tlsverify: boolean;
  readonly tlscacert: string;
  readonly tlscert: string;
  readonly tlskey: string;
}

type Env = Readonly<Record<string, string | undefined>>;

/** The daemon's address: the flag, ISLE_HOST, DOCKER_HOST, then the default socket. */
export function chooseHost(flags: HostFlags, env: Env): string {
  return flags.host || env["ISLE_HOST"] || env["DOCKER_HOST"] || defaultHost;
}

/** Where `host` leads. `configDirectory` holds the default certificates. */
export function parseHost(host: string, flags: HostFlags, env: Env, configDirectory: string): Endpoint {
  const match =
    /^(unix|tcp|http|https):\/\/(.*)$/.exec(host) ?? (host.startsWith("/") ? ["", "unix", host] : undefined);
  if (!match) throw usageError(`invalid host "${host}": want unix://PATH or tcp://HOST:PORT`);
  const [, scheme, rest = ""] = match;
  if (scheme === "unix") return { kind: "unix", path: rest || "/run/isle/isle.sock" };
  const tls = tlsFiles(flags, env, configDirectory);
  const address = /^(?:\[([^\]]+)\]|([^:/]*))(?::(\d+))?\/?$/.exec(rest);
  if (!address) throw usageError(`invalid host "${host}": want tcp://HOST:PORT`);
  const port = address[3] === undefined ? (tls === undefined ? 2375 : 2376) : Number(address[3]);
  return { kind: "tcp", host: address[1] ?? (address[2] || "localhost"), port, tls };
}

function tlsFiles(flags: HostFlags, env: Env, configDirectory: string): TlsFiles | undefined {
  const verify = flags.tlsverify || Boolean(env["DOCKER_TLS_VERIFY"]);
  if (!verify && !flags.tls && !env["DOCKER_TLS"]) return undefined;
  const directory = env["DOCKER_CERT_PATH"] || configDirectory;
  return {
    ca: verify || flags.tlscacert ? flags.tlscacert || `${directory}/ca.pem` : undefined,
    cert: flags.tlscert || `${directory}/cert.pem`,
    key: flags.tlskey || `${directory}/key.pem`,
    verify,
  };
}
