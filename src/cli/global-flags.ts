import type { FlagTable } from "./flags/flag.ts";

/** Flags that go before the command. */
export const globalFlags = {
  config: { type: "string", help: "Directory of the client's config.json", env: "ISLE_CONFIG", value: "directory" },
  context: { type: "string", short: "c", help: 'Accepted for Docker\'s sake; only "default" exists', hidden: true },
  debug: { type: "bool", short: "D", help: "Show where an error comes from" },
  host: { type: "string", short: "H", help: "Daemon to talk to", env: "ISLE_HOST", value: "address" },
  "log-level": { type: "string", short: "l", help: "Accepted for Docker's sake", hidden: true },
  tls: { type: "bool", help: "Use TLS; --tlsverify includes it" },
  tlscacert: { type: "string", help: "Trust servers certified by this authority only", value: "file" },
  tlscert: { type: "string", help: "Certificate of this client", value: "file" },
  tlskey: { type: "string", help: "Key of that certificate", value: "file" },
  tlsverify: { type: "bool", help: "Use TLS and check the server's certificate", env: "DOCKER_TLS_VERIFY" },
  version: { type: "bool", short: "v", help: "Print the version and quit" },
} as const satisfies FlagTable;
