import { create, filters, get, post, remove, type Step } from "./differential-steps.ts";

/** What Compose and its like ask of networks and volumes. */
const labels = { "com.docker.compose.project": "app", "com.docker.compose.version": "2" };
const ofProject = { label: ["com.docker.compose.project=app"] };
const volume = (json: object): Step => post("/volumes/create", { json });
const network = (json: object): Step => post("/networks/create", { json });
const subnet = (Subnet: string, more: object = {}) => ({ IPAM: { Config: [{ Subnet, ...more }] } });

const volumes: readonly Step[] = [
  volume({ Name: "app_ram", Labels: labels, DriverOpts: { type: "tmpfs", device: "tmpfs", o: "size=1m" } }),
  get("/volumes/app_ram"),
  volume({ Name: "app_ram" }),
  { method: "PUT", path: "/volumes/app_ram", query: { version: "1" }, json: {} },
  volume({ Name: "app_ram", Driver: "local", Labels: { other: "1" } }),
  volume({ Name: "app_data", Driver: "local", Labels: labels, DriverOpts: {} }),
  volume({ Name: "app_data", Driver: "nosuch" }),
  volume({ Name: "app_other", Driver: "nosuch" }),
  volume({ Name: "app_bad", DriverOpts: { o: "bind" } }),
  volume({ Name: "app_bad", DriverOpts: { type: "none", device: "/nowhere" } }),
  volume({ Name: "app_bad", DriverOpts: { size: "lots" } }),
  volume({ Name: ".hidden" }),
  volume({ Name: "a" }),
  get("/volumes", filters(ofProject)),
  get("/volumes", filters({ label: ["com.docker.compose.project"] })),
  get("/volumes", filters({ label: ["com.docker.compose.project=other"] })),
  get("/volumes", filters({ name: ["app_"] })),
  get("/volumes", filters({ name: ["^app_r"] })),
  get("/volumes", filters({ driver: ["local"], ...ofProject })),
  create("store", {
    Volumes: { "/anonymous": {} },
    HostConfig: {
      Binds: ["app_ram:/ram:rw,nocopy"],
      Mounts: [
        { Type: "volume", Source: "app_data", Target: "/data", ReadOnly: true, VolumeOptions: { NoCopy: true } },
        { Type: "volume", Source: "app_new", Target: "/new", VolumeOptions: { Labels: labels } },
        { Type: "tmpfs", Target: "/tmp", TmpfsOptions: { SizeBytes: 1048576, Mode: 511 } },
      ],
    },
  }),
  get("/containers/store/json"),
  get("/volumes/app_new"),
  get("/volumes", filters({ dangling: ["false"], ...ofProject })),
  remove("/volumes/app_data"),
  remove("/volumes/app_data", { force: "1" }),
  post("/volumes/prune", { query: filters({ all: ["1"], "label!": ["com.docker.compose.project"] }) }),
  post("/containers/store/start"),
  get("/containers/json", filters({ volume: ["app_data"] })),
  get("/containers/json", filters({ volume: ["/data"] })),
  remove("/containers/store", { force: "1", v: "1" }),
  post("/volumes/prune", { query: filters({ all: ["true"], ...ofProject }) }),
  get("/volumes", filters(ofProject)),
  remove("/volumes/app_ram"),
  remove("/volumes/app_bad"),
];

const networks: readonly Step[] = [
  network({ Name: "app_default", CheckDuplicate: true, Driver: "bridge", Labels: labels, ...subnet("10.99.1.0/24") }),
  get("/networks/app_default"),
  get("/networks/app_default", { verbose: "true" }),
  get("/networks/app_default", { scope: "swarm" }),
  get("/networks", filters(ofProject)),
  get("/networks", filters({ name: ["app"] })),
  get("/networks", filters({ type: ["custom"] })),
  get("/networks", filters({ type: ["nosuch"] })),
  get("/networks", filters({ scope: ["local"], ...ofProject })),
  get("/networks", filters({ dangling: ["true"], ...ofProject })),
  network({ Name: "app_default", ...subnet("10.99.2.0/24") }),
  network({ Name: "app_overlap", ...subnet("10.99.1.0/25") }),
  network({ Name: "app_bad", ...subnet("10.99.1.0") }),
  network({ Name: "app_bad", ...subnet("10.99.3.0/24", { Gateway: "10.98.0.1" }) }),
  network({ Name: "app_bad", Driver: "nosuch" }),
  network({ Name: "app_bad", IPAM: { Driver: "nosuch" } }),
  network({
    Name: "app_back",
    Internal: true,
    Labels: labels,
    Options: { "com.docker.network.bridge.enable_icc": "false" },
    ...subnet("10.99.4.0/24", { Gateway: "10.99.4.254", IPRange: "10.99.4.128/25" }),
  }),
  get("/networks/app_back"),
  create("web", {
    HostConfig: { NetworkMode: "app_default" },
    NetworkingConfig: {
      EndpointsConfig: {
        app_default: { Aliases: ["web", "www"], IPAMConfig: { IPv4Address: "10.99.1.77" } },
        app_back: { Aliases: ["web"], IPAMConfig: { IPv4Address: "10.99.4.200" } },
      },
    },
  }),
  get("/containers/web/json"),
  post("/containers/web/start"),
  get("/containers/web/json"),
  get("/networks/app_default"),
  get("/containers/json", filters({ network: ["app_back"] })),
  remove("/networks/app_back"),
  create("side", { HostConfig: { NetworkMode: "none" } }),
  post("/networks/app_back/connect", { json: { Container: "side" } }),
  create("late", { HostConfig: { NetworkMode: "app_default" } }),
  post("/networks/app_back/connect", {
    json: { Container: "late", EndpointConfig: { Aliases: ["later"], IPAMConfig: { IPv4Address: "10.99.4.201" } } },
  }),
  post("/networks/app_back/connect", { json: { Container: "late" } }),
  post("/networks/app_back/connect", { json: { Container: "nosuch" } }),
  post("/networks/nosuch/connect", { json: { Container: "side" } }),
  post("/containers/late/start"),
  post("/networks/app_back/disconnect", { json: { Container: "late" } }),
  post("/networks/app_back/disconnect", { json: { Container: "late" } }),
  post("/networks/app_back/disconnect", { json: { Container: "nosuch" } }),
  post("/networks/app_back/connect", {
    json: { Container: "late", EndpointConfig: { IPAMConfig: { IPv4Address: "10.99.4.200" } } },
  }),
  post("/networks/app_back/connect", {
    json: { Container: "late", EndpointConfig: { IPAMConfig: { IPv4Address: "192.168.1.1" } } },
  }),
  post("/networks/app_back/disconnect", { json: { Container: "web", Force: true } }),
  get("/networks/app_back"),
  remove("/networks/app_default"),
  remove("/containers/web", { force: "1" }),
  remove("/containers/late", { force: "1" }),
  remove("/containers/side", { force: "1" }),
  remove("/networks/app_default"),
  post("/networks/prune", { query: filters(ofProject) }),
  get("/networks", filters(ofProject)),
];

export const applicationSteps: readonly Step[] = [...volumes, ...networks];
