import { isCode } from "../../base/error.ts";
import { connectNetwork, disconnectNetwork, removeNetwork } from "../../client/networks.ts";
import { command } from "../command.ts";
import { compact } from "../create/resources.ts";
import { forEachArgument } from "../each.ts";
import { splitOnce } from "../split-once.ts";

export const networkRm = command({
  summary: "Remove networks",
  usage: "NETWORK [NETWORK...]",
  args: { min: 1 },
  completes: "networks",
  flags: { force: { type: "bool", short: "f", help: "One that is gone is no error" } },
  run(context) {
    const { flags, client } = context;
    return forEachArgument(context, async (name) => {
      try {
        await removeNetwork(client, name);
      } catch (error) {
        if (!flags.force || !isCode(error, "notFound")) throw error;
      }
      return name;
    });
  },
});

export const networkConnect = command({
  summary: "Join a container to a network",
  usage: "[OPTIONS] NETWORK CONTAINER",
  args: { min: 2, max: 2 },
  completes: "networks",
  flags: {
    alias: { type: "strings", help: "Further name on the network" },
    "driver-opt": { type: "strings", help: "Option of the driver" },
    "gw-priority": { type: "int", help: "The highest gives the default gateway" },
    ip: { type: "string", help: "IPv4 address" },
    ip6: { type: "string", help: "IPv6 address" },
    link: { type: "list", help: "Name another container for it", value: "name[:alias]" },
    "link-local-ip": { type: "strings", help: "Further link-local address" },
  },
  examples: [["isle network connect --alias db back postgres", "Reach a container as db on the network back"]],
  async run({ flags, args, client }) {
    const [network, Container] = args as [string, string];
    const options = flags["driver-opt"].map((text) => splitOnce(text, "=")).map(([name, value = ""]) => [name, value]);
    const address = { IPv4Address: flags.ip, IPv6Address: flags.ip6, LinkLocalIPs: flags["link-local-ip"] };
    const EndpointConfig = compact({
      IPAMConfig: compact(address),
      Links: flags.link,
      Aliases: flags.alias,
      DriverOpts: Object.fromEntries(options) as Record<string, string>,
      GwPriority: flags["gw-priority"],
    });
    await connectNetwork(client, network, { Container, EndpointConfig });
    return undefined;
  },
});

export const networkDisconnect = command({
  summary: "Take a container out of a network",
  usage: "[OPTIONS] NETWORK CONTAINER",
  args: { min: 2, max: 2 },
  completes: "networks",
  flags: { force: { type: "bool", short: "f", help: "Even when the container does not answer" } },
  async run({ flags, args, client }) {
    await disconnectNetwork(client, args[0]!, { Container: args[1]!, Force: flags.force });
    return undefined;
  },
});
