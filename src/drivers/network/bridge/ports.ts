import { IsleError } from "../../../base/error.ts";
import type { PublishedPort } from "../../../core/instance.ts";
import type { PublishRequest } from "../../../core/network.ts";
import { portIsFree } from "../../../os/port-probe.ts";

const ephemeral = { first: 32768, last: 60999 };

/** Host ports in use by published ports; the host's own sockets are asked before each grant. */
export class PortLeases {
  readonly #taken = new Map<string, PublishedPort & { readonly holder: string }>();
  #next = ephemeral.first;

  /** Grants all or none. */
  take(requests: readonly PublishRequest[], holder: string): PublishedPort[] {
    const granted: PublishedPort[] = [];
    try {
      for (const request of requests) granted.push(this.#grant(request, holder));
      return granted;
    } catch (error) {
      this.release(granted);
      throw error;
    }
  }

  adopt(ports: readonly PublishedPort[], holder: string): void {
    for (const port of ports) this.#taken.set(keyOf(port), { ...port, holder });
  }

  release(ports: readonly PublishedPort[]): void {
    for (const port of ports) this.#taken.delete(keyOf(port));
  }

  #grant(request: PublishRequest, holder: string): PublishedPort {
    const { containerPort, protocol, hostAddress } = request;
    let inTheWay = "";
    for (const hostPort of this.#candidates(request)) {
      const port: PublishedPort = { containerPort, protocol, hostAddress, hostPort };
      inTheWay = this.#holderOf(port) ?? (isFree(port) ? "" : "a program of this machine");
      if (inTheWay !== "") continue;
      this.#taken.set(keyOf(port), { ...port, holder });
      if (request.hostPort.first === 0) this.#next = hostPort + 1;
      return port;
    }
    const { first, last } = request.hostPort;
    const asked = first === last ? String(first) : `${first}-${last}`;
    throw new IsleError(
      "internal",
      `failed to set up container networking: driver failed programming external connectivity: Bind for ${hostAddress || "0.0.0.0"}:${asked} failed: port is already allocated`,
      { hint: `it is held by ${inTheWay}` },
    );
  }

  *#candidates({ hostPort }: PublishRequest): Generator<number> {
    if (hostPort.first !== 0) {
      for (let port = hostPort.first; port <= hostPort.last; port += 1) yield port;
      return;
    }
    const size = ephemeral.last - ephemeral.first + 1;
    const start = this.#next - ephemeral.first;
    for (let i = 0; i < size; i += 1) yield ephemeral.first + ((start + i) % size);
  }

  /** A port on all addresses clashes with the same port on any one. */
  #holderOf(port: PublishedPort): string | undefined {
    for (const other of this.#taken.values()) {
      const same = other.hostPort === port.hostPort && other.protocol === port.protocol;
      if (same && (isAny(other) || isAny(port) || other.hostAddress === port.hostAddress))
        return `container ${other.holder}`;
    }
    return undefined;
  }
}

const isFree = ({ protocol, hostAddress, hostPort }: PublishedPort): boolean =>
  portIsFree(protocol, hostAddress, hostPort);
const isAny = ({ hostAddress }: PublishedPort): boolean => hostAddress === "" || hostAddress === "0.0.0.0";
const keyOf = ({ protocol, hostAddress, hostPort }: PublishedPort): string => `${protocol}/${hostAddress}/${hostPort}`;
