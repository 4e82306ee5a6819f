import { addPorts, removePort } from "../../client/containers.ts";
import { command } from "../command.ts";
import { checkPort, portPlan, splitPort } from "../create/ports.ts";
import { usageError } from "../exit.ts";
import { joinHostPort } from "../format/ports.ts";

export const portAdd = command({
  summary: "Publish further ports of a container, also while it runs",
  usage: "CONTAINER PORT [PORT...]",
  args: { min: 2 },
  completes: "containers",
  flags: {},
  examples: [["isle port add web 127.0.0.1:8443:443", "From now on its port 443 answers on this machine"]],
  async run({ args, client, print }) {
    const [name, ...specs] = args as [string, ...string[]];
    const { bindings } = portPlan(specs.map(checkPort), []);
    for (const { PrivatePort, Type, IP, PublicPort } of (await addPorts(client, name, bindings)).Ports) {
      await print(`${PrivatePort}/${Type} -> ${joinHostPort(IP ?? "", String(PublicPort))}`);
    }
    return undefined;
  },
});

export const portRm = command({
  summary: "Take back published ports of a container, also while it runs",
  usage: "CONTAINER PORT [PORT...]",
  args: { min: 2 },
  completes: "containers",
  flags: {},
  examples: [
    ["isle port rm web 443", "All that leads to its port 443"],
    ["isle port rm web 8443:443", "Only what leads there from the host's port 8443"],
  ],
  async run({ args, client }) {
    const [name, ...specs] = args as [string, ...string[]];
    for (const text of specs) {
      const { ip, hostPort, containerPort, protocol } = splitPort(text);
      if (!/^\d+$/.test(containerPort)) throw usageError(`invalid containerPort: ${containerPort}`);
      await removePort(client, name, { port: `${containerPort}/${protocol}`, hostPort, hostAddress: ip });
    }
    return undefined;
  },
});
