import type { RegistryClient } from "../../../core/registry.ts";
import type { DistributionOptions } from "./options.ts";
import { distributionRepository } from "./repository.ts";
import { RegistrySession } from "./session.ts";
import { Transport } from "./transport.ts";

/** Registries over the OCI distribution protocol. */
export function createDistributionRegistry(options: DistributionOptions = {}): RegistryClient & { close(): void } {
  const transport = new Transport(options);
  return {
    repository: (domain, path, credentials) =>
      distributionRepository(new RegistrySession({ transport, options, domain, credentials }), path),
    async login(domain, credentials, signal) {
      const session = new RegistrySession({ transport, options, domain, credentials, offline: true });
      const { response, endpoint } = await session.send({ method: "GET", path: "/v2/", scopes: [], ok: [200], signal });
      response.resume();
      const identityToken = session.authenticatorOf(endpoint).identityToken;
      return identityToken === undefined ? {} : { identityToken };
    },
    close: () => transport.close(),
  };
}
