import { join } from "node:path";
import { command } from "../command.ts";
import { configDirectory } from "../config-file.ts";
import { Exit } from "../exit.ts";
import { HelpAsked } from "../flags/parse-flags.ts";
import type { Io } from "../io.ts";

export const compose = command({
  summary: "Run the Compose that is installed, on this engine",
  usage: "COMMAND-OF-COMPOSE...",
  args: { min: 0 },
  flags: {},
  passesOn: true,
  examples: [["isle compose up -d", "The services of compose.yaml; all arguments are Compose's own"]],
  run({ args, client, io }) {
    const program = findCompose(io);
    if (program === undefined) throw args.includes("--help") ? new HelpAsked() : new Exit(1, missing);
    const host = client.host.startsWith("/") ? `unix://${client.host}` : client.host;
    return io.become(program, args, { DOCKER_HOST: host });
  },
});

const missing = `isle: Compose is not installed
  Debian 13:       apt-get install docker-compose
  Ubuntu 22.04 on: apt-get install docker-compose-v2
  elsewhere:       put docker-compose of https://github.com/docker/compose/releases into /usr/local/bin`;

const pluginDirectories = ["/usr/local/lib", "/usr/local/libexec", "/usr/lib", "/usr/libexec"];

/** A plugin of Docker's client, of the user before the machine's, or the program of its own. */
function findCompose(io: Io): string | undefined {
  const user = join(configDirectory("", io.env), "cli-plugins");
  const directories = [user, ...pluginDirectories.map((directory) => join(directory, "docker/cli-plugins"))];
  const plugins = directories.map((directory) => join(directory, "docker-compose"));
  for (const candidate of [...plugins, "docker-compose"]) {
    const found = io.findProgram(candidate);
    if (found !== undefined) return found;
  }
  return undefined;
}
