import type { Json } from "./api-client.ts";
import type { TestDaemon } from "./daemon.ts";

/** Networks as something shows them: what the engine says, or what the machine has. */
export interface NetworkState {
  /** Bridges by name with their IPv4 addresses. */
  readonly bridges: Readonly<Record<string, readonly string[]>>;
  /** How many interfaces are members, by bridge; the default one left out, where spares come and go. */
  readonly members: Readonly<Record<string, number>>;
  /** Addresses inside each running instance, by its name. */
  readonly addresses: Readonly<Record<string, readonly string[]>>;
  /** Where the default route leads, by instance. */
  readonly routes: Readonly<Record<string, string>>;
  /** Elements of the map of published ports. */
  readonly ports: readonly string[];
  /** Chains and sets that policies need, by the first letters of ids. */
  readonly policies: readonly string[];
}

/** What the engine's answers say there should be. */
export async function promisedState({ api }: TestDaemon): Promise<NetworkState> {
  const networks: Json[] = await api.ok("GET", "/networks", {
    query: { filters: JSON.stringify({ driver: ["bridge"] }) },
  });
  const listed: Json[] = await api.ok("GET", "/containers/json");
  const shown: Json[] = await Promise.all(listed.map(({ Id }) => api.ok("GET", `/containers/${Id}/json`)));
  const endpointsOf = (record: Json): Json[] => Object.values(record.NetworkSettings.Networks);
  const bridgeOf = ({ Name, Id }: Json): string => (Name === "bridge" ? "isle0" : `br-${Id.slice(0, 12)}`);
  const custom = networks.filter(({ Name }) => Name !== "bridge");
  return {
    bridges: Object.fromEntries(
      networks.map((network) => [bridgeOf(network), network.IPAM.Config.map(({ Gateway }: Json) => Gateway)]),
    ),
    members: Object.fromEntries(
      custom.map((network) => [
        bridgeOf(network),
        shown.filter((record) => endpointsOf(record).some(({ NetworkID }) => NetworkID === network.Id)).length,
      ]),
    ),
    addresses: Object.fromEntries(
      shown.map((record) => [
        record.Name,
        endpointsOf(record)
          .map(({ IPAddress }) => IPAddress)
          .sort(),
      ]),
    ),
    routes: Object.fromEntries(shown.map((record) => [record.Name, gatewayOf(record.NetworkSettings.Networks)])),
    ports: shown.flatMap(publishedOf).sort(),
    policies: custom
      .filter(({ Labels }) => Labels["isle.policy.rules"])
      .map(({ Id }) => `inside_${Id.slice(0, 16)}`)
      .sort(),
  };
}

/** Of equal priority the first name has the default route. */
function gatewayOf(networks: Json): string {
  const first = Object.keys(networks).sort()[0];
  return first === undefined ? "" : networks[first].Gateway;
}

function publishedOf({ NetworkSettings: { Networks, Ports } }: Json): string[] {
  const first = Object.keys(Networks).sort()[0];
  if (first === undefined) return [];
  return Object.entries(Ports as Record<string, Json[] | null>).flatMap(([spec, bindings]) => {
    const [port, protocol] = spec.split("/");
    return (bindings ?? []).map(({ HostPort }) => `${protocol} . ${HostPort} : ${Networks[first].IPAddress} . ${port}`);
  });
}

/** What the machine has. */
export async function actualState(daemon: TestDaemon): Promise<NetworkState> {
  const listed: Json[] = await daemon.api.ok("GET", "/containers/json");
  const lines = async (script: string) =>
    (await daemon.inNamespaces(["bash", "-c", script])).stdout.split("\n").filter(Boolean);
  const links = await lines("ip -o link show type bridge | sed 's/^[0-9]*: \\([^:@]*\\).*/\\1/'");
  const ofBridges = await Promise.all(
    links.map(async (bridge) => ({
      bridge,
      addresses: await lines(`ip -4 -o addr show ${bridge} | sed 's/.*inet \\([0-9.]*\\).*/\\1/'`),
      members: (await lines(`ip -o link show master ${bridge}`)).length,
    })),
  );
  const inside = await Promise.all(
    listed.map(async ({ Id, Names }) => {
      const { State } = await daemon.api.ok("GET", `/containers/${Id}/json`);
      const on = `nsenter -n -t ${State.Pid}`;
      return {
        name: Names[0] as string,
        addresses: await lines(`${on} ip -4 -o addr show | grep -v ' lo ' | sed 's/.*inet \\([0-9.]*\\).*/\\1/'`),
        route: (await lines(`${on} ip route show default | sed 's/default via \\([0-9.]*\\).*/\\1/'`))[0] ?? "",
      };
    }),
  );
  const rules = (await lines("nft list ruleset")).join("\n");
  return {
    bridges: Object.fromEntries(ofBridges.map(({ bridge, addresses }) => [bridge, addresses])),
    members: Object.fromEntries(
      ofBridges.filter(({ bridge }) => bridge !== "isle0").map(({ bridge, members }) => [bridge, members]),
    ),
    addresses: Object.fromEntries(inside.map(({ name, addresses }) => [name, addresses.sort()])),
    routes: Object.fromEntries(inside.map(({ name, route }) => [name, route])),
    ports: (/map ports4 \{[^}]*?elements = \{([^}]*)\}/.exec(rules)?.[1] ?? "")
      .split(",")
      .map((element) => element.trim())
      .filter(Boolean)
      .sort(),
    policies: [...rules.matchAll(/chain (inside_[0-9a-f]{16}) \{/g)].map(([, name]) => name!).sort(),
  };
}
