import type { PortBinding } from "../../api/generated/engine-api.ts";
import { inspectContainer } from "../../client/containers.ts";
import { command } from "../command.ts";
import { usageError } from "../exit.ts";
import { joinHostPort } from "../format/ports.ts";

export const port = command({
  summary: "List the published ports of a container",
  usage: "CONTAINER [PRIVATE_PORT[/PROTO]]",
  args: { min: 1, max: 2 },
  completes: "running",
  flags: {},
  examples: [["isle port web 80", "Where its port 80 can be reached"]],
  async run({ args, client, print }) {
    const [name, wanted] = args as [string, string?];
    const ports = (await inspectContainer(client, name)).NetworkSettings?.Ports ?? {};
    if (wanted !== undefined) {
      const key = wanted.includes("/") ? wanted.toLowerCase() : `${wanted}/tcp`;
      const bindings = ports[key];
      if (!bindings?.length) throw usageError(`Error: No public port '${wanted}' published for ${name}`);
      for (const binding of bindings) await print(address(binding));
      return undefined;
    }
    const lines = Object.entries(ports).flatMap(([key, bindings]) =>
      (bindings ?? []).map((binding) => ({ key, line: `${key} -> ${address(binding)}` })),
    );
    lines.sort((a, b) => Number.parseInt(a.key, 10) - Number.parseInt(b.key, 10) || (a.key < b.key ? -1 : 0));
    for (const { line } of lines) await print(line);
    return undefined;
  },
});

const address = ({ HostIp, HostPort }: PortBinding): string => joinHostPort(HostIp ?? "", HostPort ?? "");
