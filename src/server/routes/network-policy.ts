import { invalid } from "../../base/error.ts";
import type { NetworkRecord } from "../../core/network.ts";
import type { NetworkPolicy, PortMatch } from "../../core/network-policy.ts";
import type { InstanceDeps } from "../../engine/instance/deps.ts";
import { listExposure } from "../../engine/network/exposure.ts";
import { findNetwork } from "../../engine/network/networks.ts";
import { parseEgress, parseInside } from "../../engine/network/parse-policy.ts";
import { listDenials, setPolicy } from "../../engine/network/policy.ts";
import { empty, json, type Route } from "../exchange.ts";
import { readObject } from "../json-body.ts";

type Handler = Route<InstanceDeps>["handle"];

const texts = { type: "array", items: { type: "string" } };
const bodyShape = { type: "object", properties: { Default: { type: "string" }, Rules: texts, Egress: texts } };

interface PolicyBody {
  readonly Default?: string | null;
  /** Present for a policy inside the network. */
  readonly Rules?: string[] | null;
  /** Present for an allow-list. */
  readonly Egress?: string[] | null;
}

const show: Handler = ({ params }, deps) => json(200, encodePolicy(findNetwork(deps, params["id"]!)));

const set: Handler = async (exchange, deps) => {
  const body = await readObject<PolicyBody>(exchange, bodyShape);
  const hasInside = Boolean(body.Default) || Array.isArray(body.Rules);
  if (!hasInside && !Array.isArray(body.Egress)) throw invalid("a policy has rules, a default or an allow-list");
  const policy: NetworkPolicy = {
    ...(hasInside && { inside: parseInside(body.Default || undefined, body.Rules ?? []) }),
    ...(Array.isArray(body.Egress) && { egress: parseEgress(body.Egress) }),
  };
  return json(200, encodePolicy(await setPolicy(deps, exchange.params["id"]!, policy)));
};

const clear: Handler = async ({ params }, deps) => {
  await setPolicy(deps, params["id"]!, undefined);
  return empty(204);
};

const denials: Handler = async ({ query }, deps) => {
  const list = await listDenials(deps, query.text("network") || undefined);
  return json(
    200,
    list.map((denial) => ({
      Network: denial.networkName,
      Source: denial.source,
      SourceName: denial.sourceName,
      Destination: denial.destination,
      DestinationName: denial.destinationName,
      Protocol: denial.protocol,
      Port: denial.port,
      Packets: denial.packets,
      LastAt: denial.lastAt,
    })),
  );
};

const exposure: Handler = (_, deps) =>
  json(
    200,
    listExposure(deps).map(({ instance, port, at, from, network, limits }) => ({
      Instance: instance,
      Port: port,
      At: at,
      From: from === "network" ? `network ${network}` : from,
      Limits: limits,
    })),
  );

/** Rules as they are written. */
function encodePolicy({ name, policy }: NetworkRecord) {
  const { inside, egress } = policy ?? {};
  return {
    Network: name,
    Default: inside?.otherwise ?? "allow",
    Rules: inside?.rules.map(({ verdict, from, to, ports }) => `${verdict} ${from} -> ${to}${portsText(ports)}`) ?? [],
    Egress: egress?.rules.map(({ target, ports }) => `${target}${portsText(ports)}`) ?? null,
  };
}

function portsText(ports: readonly PortMatch[]): string {
  if (ports.length === 0) return "";
  const list = ports.map(({ first, last, protocol }) => `${first}${last === first ? "" : `-${last}`}/${protocol}`);
  return ` ${list.join(",")}`;
}

/** isle's own. */
export const networkPolicyRoutes: ReadonlyArray<Route<InstanceDeps>> = [
  { method: "GET", path: "/isle/networks/denials", handle: denials },
  { method: "GET", path: "/isle/networks/exposure", handle: exposure },
  { method: "GET", path: "/isle/networks/{id}/policy", handle: show },
  { method: "PUT", path: "/isle/networks/{id}/policy", handle: set },
  { method: "DELETE", path: "/isle/networks/{id}/policy", handle: clear },
];
