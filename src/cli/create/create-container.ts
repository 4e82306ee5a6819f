import { readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { messageOf } from "../../base/error.ts";
import { createContainer } from "../../client/containers.ts";
import { ResponseError } from "../../client/errors.ts";
import type { Context } from "../command.ts";
import { errorText } from "../error-text.ts";
import { usageError } from "../exit.ts";
import type { ContainerFlags } from "./container-flags.ts";
import { type CreateBody, createBody } from "./create-body.ts";

type CreateContext = Context<ContainerFlags>;

export interface Created {
  readonly id: string;
  readonly body: CreateBody;
}

/** Makes the container a command line describes, pulling the image as `--pull` says. */
export async function createFromFlags(
  context: CreateContext,
  adjust: (body: CreateBody) => void = () => {},
): Promise<Created> {
  const { flags, changed, args, io } = context;
  if (!["always", "missing", "never", ""].includes(flags.pull)) {
    throw usageError(`invalid pull option: '${flags.pull}': must be one of "always", "missing" or "never"`);
  }
  const around = { env: io.env, cwd: process.cwd(), readText };
  const body = createBody({ flags, changed, image: args[0]!, args: args.slice(1), around });
  addProxies(body, context);
  adjust(body);
  const cidFile = reserveCidFile(flags.cidfile);
  try {
    const id = await createPulling(context, body);
    if (cidFile !== undefined) writeFileSync(cidFile, id);
    return { id, body };
  } catch (error) {
    if (cidFile !== undefined) rmSync(cidFile, { force: true });
    throw error;
  }
}

/** The text of a file that the command line names. */
export function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw usageError(errorText(error));
  }
}

async function createPulling(context: CreateContext, body: CreateBody): Promise<string> {
  const { flags, args, client, warn } = context;
  const image = args[0]!;
  const query = { name: flags.name, platform: flags.platform };
  const pull = async () => {
    const { pullForRun } = await import("../registry/pull.ts");
    await pullForRun(context, { image, platform: flags.platform, quiet: flags.quiet });
  };
  if (flags.pull === "always") await pull();
  const attempt = () => createContainer(client, body, query);
  const created = await attempt().catch(async (error: unknown) => {
    const imageIsMissing =
      error instanceof ResponseError &&
      error.status === 404 &&
      /no such image|the specified platform/i.test(error.message);
    if (!imageIsMissing || flags.pull !== "missing") throw error;
    if (!flags.quiet) await warn(`Unable to find image '${withTag(image)}' locally`);
    await pull();
    return attempt();
  });
  for (const warning of created.Warnings ?? []) await warn(`WARNING: ${warning}`);
  return created.Id!;
}

const withTag = (image: string): string => (/[:@][^/]*$/.test(image) ? image : `${image}:latest`);

/** Proxy settings of config.json go to the container unless the user set them. */
function addProxies(body: CreateBody, { config, client }: CreateContext): void {
  const proxies = config().data.proxies;
  if (proxies === undefined) return;
  const settings = proxies[client.host] ?? proxies["default"] ?? {};
  const names: Record<string, string> = {
    httpProxy: "HTTP_PROXY",
    httpsProxy: "HTTPS_PROXY",
    noProxy: "NO_PROXY",
    ftpProxy: "FTP_PROXY",
    allProxy: "ALL_PROXY",
  };
  const env = body.Env ?? [];
  const isSet = (name: string) => env.some((line) => line === name || line.startsWith(`${name}=`));
  const added = Object.entries(names).flatMap(([key, name]) => {
    const value = settings[key];
    return value
      ? [name, name.toLowerCase()].filter((variable) => !isSet(variable)).map((variable) => `${variable}=${value}`)
      : [];
  });
  if (added.length > 0) body.Env = [...env, ...added];
}

/** The file must not exist yet: another container's id could be lost. */
function reserveCidFile(path: string): string | undefined {
  if (path === "") return undefined;
  if (statSync(path, { throwIfNoEntry: false }) !== undefined) {
    throw new Error(`container ID file found, make sure the other container isn't running or delete ${path}`);
  }
  try {
    writeFileSync(path, "", { flag: "wx" });
  } catch (error) {
    throw new Error(`failed to create the container ID file: ${messageOf(error)}`);
  }
  return path;
}
