import type { SystemVersion } from "../../api/generated/engine-api.ts";
import { messageOf } from "../../base/error.ts";
import { apiVersion } from "../../client/client.ts";
import { systemVersion } from "../../client/system.ts";
import { command } from "../command.ts";
import { errorText } from "../error-text.ts";
import { usageError } from "../exit.ts";
import { formatFlag } from "../flags/shared.ts";
import { clientVersion } from "../version.ts";

export const version = command({
  summary: "Show the versions of client and engine",
  usage: "[OPTIONS]",
  args: { min: 0, max: 0 },
  flags: { format: { ...formatFlag, short: "f" } },
  examples: [["isle version --format '{{.Server.Version}}'", "Print the engine's version only"]],
  async run({ flags, client, io, warn }) {
    const Client = {
      Version: clientVersion,
      ApiVersion: apiVersion,
      DefaultAPIVersion: apiVersion,
      Os: "linux",
      Arch: process.arch === "x64" ? "amd64" : process.arch,
      Context: "default",
    };
    const server = await systemVersion(client).catch((error: unknown) => ({ error }));
    const Server = "error" in server ? undefined : server;
    await io.stdout.write(await show({ Client, Server }, flags.format));
    if (!("error" in server)) return 0;
    await warn(errorText(server.error));
    return 1;
  },
});

interface Versions {
  readonly Client: Readonly<Record<string, string>>;
  readonly Server: SystemVersion | undefined;
}

async function show(versions: Versions, format: string): Promise<string> {
  if (format === "json") return `${JSON.stringify(versions)}\n`;
  if (format !== "") {
    const { compileTemplate } = await import("../template/evaluate.ts");
    try {
      return `${compileTemplate(format)(named(versions))}\n`;
    } catch (error) {
      throw usageError(`template parsing error: template: :1: ${messageOf(error)}`);
    }
  }
  return `${clientText(versions.Client)}${versions.Server === undefined ? "" : `\n${serverText(versions.Server)}`}`;
}

/** A template may say `APIVersion`, as Docker's does, for what JSON calls `ApiVersion`. */
function named({ Client, Server }: Versions): object {
  const both = (side: object | undefined, version: unknown) => side && { APIVersion: version, ...side };
  return { Client: both(Client, Client["ApiVersion"]), Server: both(Server, Server?.ApiVersion) };
}

function clientText(client: Versions["Client"]): string {
  return section("Client:", [
    ["Version", client["Version"]],
    ["API version", client["ApiVersion"]],
    ["OS/Arch", `${client["Os"]}/${client["Arch"]}`],
    ["Context", client["Context"]],
  ]);
}

function serverText({ Platform, Components }: SystemVersion): string {
  const parts = (Components ?? []).map(({ Name, Version, Details }) => {
    const details = (Details ?? {}) as Record<string, string>;
    return section(` ${Name}:`, [["Version", Version ?? ""], ...detailRows(details)], "  ");
  });
  return `Server:${Platform?.Name ? ` ${Platform.Name}` : ""}\n${parts.join("")}`;
}

function detailRows(details: Record<string, string>): [string, string][] {
  const isEngine = details["ApiVersion"] !== undefined;
  if (!isEngine) return Object.entries(details).map(([name, value]) => [name, value]);
  return [
    ["API version", `${details["ApiVersion"]} (minimum version ${details["MinAPIVersion"]})`],
    ...["GoVersion", "GitCommit", "BuildTime"].flatMap((name): [string, string][] =>
      details[name] ? [[engineLabels[name]!, details[name]!]] : [],
    ),
    ["OS/Arch", `${details["Os"]}/${details["Arch"]}`],
    ["Experimental", details["Experimental"] ?? "false"],
  ];
}

const engineLabels: Record<string, string> = { GoVersion: "Go version", GitCommit: "Git commit", BuildTime: "Built" };

function section(title: string, rows: readonly (readonly [string, string | undefined])[], indent = " "): string {
  return `${title}\n${rows.map(([label, value]) => `${indent}${`${label}:`.padEnd(18)} ${value ?? ""}\n`).join("")}`;
}
