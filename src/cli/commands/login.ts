import { checkLogin } from "../../client/system.ts";
import { type Context, command } from "../command.ts";
import { type ConfigFile, writeConfigFile } from "../config-file.ts";
import { readLine } from "../confirm.ts";
import { usageError } from "../exit.ts";
import { inputChunks } from "../file-stream.ts";
import type { Io } from "../io.ts";
import { dockerHubKey, findCredentials, helperOf } from "../registry/credentials.ts";

const loginFlags = {
  password: { type: "string", short: "p", help: "Password; better given by --password-stdin" },
  "password-stdin": { type: "bool", help: "Read the password from stdin" },
  username: { type: "string", short: "u", help: "Name of the user" },
} as const;

export const login = command({
  summary: "Log in to a registry",
  usage: "[OPTIONS] [SERVER]",
  args: { min: 0, max: 1 },
  flags: loginFlags,
  examples: [["isle login -u me --password-stdin registry.example.com < token", "Log in from a script"]],
  async run(context) {
    const { args, client, config, print, warn, flags } = context;
    const key = serverKey(args[0] ?? "");
    if (flags.password !== "" && !flags["password-stdin"]) {
      await warn("WARNING! Using --password via the CLI is insecure. Use --password-stdin.");
    }
    const { username, password } = await credentials(context, key);
    const { Status, IdentityToken } = await checkLogin(client, { username, password, serveraddress: key });
    const secret = IdentityToken ? { identitytoken: IdentityToken } : {};
    await storeCredentials(config(), { key, username, password, ...secret }, context.io);
    await print(Status || "Login Succeeded");
    return undefined;
  },
});

export const logout = command({
  summary: "Forget the credentials of a registry",
  usage: "[SERVER]",
  args: { min: 0, max: 1 },
  flags: {},
  async run({ args, config, io, print }) {
    const key = serverKey(args[0] ?? "");
    const file = config();
    await print(`Removing login credentials for ${key}`);
    const helper = helperOf(key, file.data);
    if (helper !== undefined) await io.runProgram(`docker-credential-${helper}`, ["erase"], key);
    const { [key]: stored, ...auths } = file.data.auths ?? {};
    if (stored !== undefined) writeConfigFile({ ...file, data: { ...file.data, auths } });
    return undefined;
  },
});

/** The name under which credentials of a server are kept. */
export function serverKey(server: string): string {
  const host = server.replace(/^https?:\/\//, "").replace(/\/.*$/, "");
  return host === "" || /^(index\.|registry-1\.)?docker\.io$/.test(host) ? dockerHubKey : host;
}

interface Login {
  readonly username: string;
  readonly password: string;
}

async function credentials({ flags, io, config }: Context<typeof loginFlags>, key: string): Promise<Login> {
  if (flags["password-stdin"]) {
    if (flags.password !== "")
      throw usageError("conflicting options: cannot specify both --password and --password-stdin");
    if (flags.username === "") throw usageError("the --password-stdin option requires --username to be set");
    return { username: flags.username, password: await readPassword(io) };
  }
  const isComplete = flags.username !== "" && flags.password !== "";
  if (!isComplete && !io.stdin.isTerminal)
    throw usageError("cannot perform an interactive login from a non TTY device");
  const known = (await findCredentials(key, config().data, io))?.username ?? "";
  const username = flags.username || (await ask(io, known === "" ? "Username: " : `Username (${known}): `)) || known;
  if (username === "") throw usageError("username is required");
  const password = flags.password || (await askHidden(io, "Password: "));
  if (password === "") throw usageError("password is required");
  return { username, password };
}

async function readPassword({ stdin }: Io): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of inputChunks(stdin)) text += decoder.decode(chunk, { stream: true });
  const password = text.replace(/\r?\n$/, "");
  if (password === "") throw usageError("password is empty");
  return password;
}

async function ask(io: Io, prompt: string): Promise<string> {
  await io.stdout.write(prompt);
  return (await readLine(io)).trim();
}

async function askHidden(io: Io, prompt: string): Promise<string> {
  await io.stdout.write(prompt);
  const restore = io.terminal.hideInput();
  try {
    return await readLine(io);
  } finally {
    restore();
    await io.stdout.write("\n");
  }
}

async function storeCredentials(
  file: ConfigFile,
  { key, username, password, identitytoken }: Login & { key: string; identitytoken?: string },
  io: Io,
): Promise<void> {
  const helper = helperOf(key, file.data);
  if (helper !== undefined) {
    const secret = {
      ServerURL: key,
      Username: identitytoken ? "<token>" : username,
      Secret: identitytoken ?? password,
    };
    const { exitCode, stdout } = await io.runProgram(`docker-credential-${helper}`, ["store"], JSON.stringify(secret));
    if (exitCode !== 0) throw usageError(`error storing credentials: docker-credential-${helper}: ${stdout.trim()}`);
    return;
  }
  const auth = Buffer.from(`${username}:${identitytoken === undefined ? password : ""}`).toString("base64");
  const stored = { auth, ...(identitytoken !== undefined && { identitytoken }) };
  await io.stderr.write(
    `Credentials are stored unencrypted in '${file.path}'; a credential helper keeps them safer.\n`,
  );
  writeConfigFile({ ...file, data: { ...file.data, auths: { ...file.data.auths, [key]: stored } } });
}
