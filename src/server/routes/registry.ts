import type { IncomingMessage } from "node:http";
import { parseRegistryAuth, registryAuthOf } from "../../api/registry-auth.ts";
import { invalid, unsupported } from "../../base/error.ts";
import { type BootstrapDeps, bootstrapImage } from "../../engine/image/bootstrap-image.ts";
import { inspectDistribution } from "../../engine/image/inspect-distribution.ts";
import { logIn } from "../../engine/image/log-in.ts";
import { pullImage } from "../../engine/image/pull-image.ts";
import { pushImage } from "../../engine/image/push-image.ts";
import type { ReportLine, TransferDeps } from "../../engine/image/transfers.ts";
import { withProgressBar } from "../encode/progress-bar.ts";
import { type Exchange, json, type Route, sent } from "../exchange.ts";
import { streamProgress } from "../json-stream.ts";
import { createFromSource, platformOf } from "./image.ts";

export interface RegistryRouteDeps extends TransferDeps, BootstrapDeps {}

type Handler = Route<RegistryRouteDeps>["handle"];

const create: Handler = async (exchange, deps) => {
  const name = exchange.query.text("fromImage");
  if (!name) return createFromSource(exchange, deps);
  const credentials = credentialsOf(exchange.request);
  const tag = exchange.query.text("tag");
  const platform = platformOf(exchange.query);
  await streamLines(
    exchange,
    async (report) =>
      void (await pullImage(deps, { name, tag, platform, credentials, report, signal: exchange.signal })),
  );
  return sent;
};

const push: Handler = async (exchange, deps) => {
  const name = exchange.params["name"]!;
  const credentials = credentialsOf(exchange.request);
  const tag = exchange.query.text("tag");
  await streamLines(
    exchange,
    async (report) => void (await pushImage(deps, { name, tag, credentials, report, signal: exchange.signal })),
  );
  return sent;
};

const bootstrap: Handler = async (exchange, deps) => {
  const name = exchange.query.text("name");
  if (!name) throw invalid("bootstrap wants a name", { hint: `one of ${deps.baseSystems.names.join(", ")}` });
  const date = exchange.query.text("date") || undefined;
  const tag = exchange.query.text("tag") || undefined;
  const packages = exchange.query.all("include");
  await streamLines(exchange, (report) =>
    bootstrapImage(deps, { name, tag, packages, date, report, signal: exchange.signal }).then(() => {}),
  );
  return sent;
};

const auth: Handler = async (exchange, deps) => {
  const body = await exchange.readJson();
  if (typeof body !== "object" || body === null || Array.isArray(body)) throw invalid("login wants a JSON object");
  const { serverAddress = "", ...credentials } = registryAuthOf(body as Record<string, unknown>);
  const { identityToken } = await logIn(deps, { serverAddress, credentials, signal: exchange.signal });
  return json(200, { Status: "Login Succeeded", IdentityToken: identityToken });
};

const inspect: Handler = async (exchange, deps) => {
  const name = exchange.params["name"]!;
  const credentials = credentialsOf(exchange.request);
  const found = await inspectDistribution(deps, { name, credentials, signal: exchange.signal });
  return json(200, {
    Descriptor: { mediaType: found.mediaType, digest: found.digest, size: found.sizeBytes },
    Platforms: found.platforms,
  });
};

const search: Handler = () => {
  throw unsupported("image search is a service of one registry's website, not of the registry protocol", {
    hint: "search there, then pull by name",
  });
};

function credentialsOf(request: IncomingMessage): ReturnType<typeof parseRegistryAuth> {
  const header = request.headers["x-registry-auth"];
  return parseRegistryAuth(Array.isArray(header) ? header[0] : header);
}

const streamLines = (exchange: Exchange, work: (report: ReportLine) => Promise<void>): Promise<void> =>
  streamProgress(exchange, (report) => work((line) => report(withProgressBar(line))));

export const registryRoutes: ReadonlyArray<Route<RegistryRouteDeps>> = [
  { method: "POST", path: "/images/create", handle: create },
  { method: "GET", path: "/images/search", handle: search },
  { method: "POST", path: "/auth", handle: auth },
  { method: "POST", path: "/isle/images/bootstrap", handle: bootstrap },
  { method: "POST", path: "/images/{name:rest}/push", handle: push },
  { method: "GET", path: "/distribution/{name:rest}/json", handle: inspect },
];
