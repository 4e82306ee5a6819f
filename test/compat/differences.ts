import type { Found } from "./compare-answers.ts";

/** A difference that is meant to be, as docs/differences.md lists it. */
export interface Difference {
  readonly docker: string;
  readonly isle: string;
  readonly reason: string;
  readonly fits: (found: Found) => boolean;
}

const at = (pattern: RegExp) => (found: Found) => pattern.test(found.at);
const on = (request: RegExp, pattern: RegExp) => (found: Found) =>
  request.test(found.request) && pattern.test(found.at);
const statuses = (docker: RegExp, isle: RegExp) => (found: Found) =>
  found.at === "status" && docker.test(found.docker) && isle.test(found.isle);

export const differences: readonly Difference[] = [
  {
    docker: "answers some wrong requests with 500",
    isle: "answers them with 400, 404 or 409",
    reason: "the request is wrong, not the engine; retrying it cannot help",
    fits: statuses(/^500$/, /^4\d\d$/),
  },
  {
    docker:
      "creates containers that can never start: unknown ports, ulimits, sysctls, mount paths, log sizes, profiles",
    isle: "refuses them with 400",
    reason: "the mistake shows where it is made, and no dead container is left",
    fits: statuses(/^201$/, /^400$/),
  },
  {
    docker: "creates containers that ask for GPUs where there are none, and fails to start them",
    isle: "refuses to create them with 501",
    reason: "as above",
    fits: statuses(/^201$/, /^501$/),
  },
  {
    docker: "swarm endpoints answer 503",
    isle: "they answer 501",
    reason: "there is no swarm mode that could become available",
    fits: statuses(/^503$/, /^501$/),
  },
  {
    docker: "403 for a network named like a predefined one",
    isle: "409",
    reason: "it is a name that is taken like any other",
    fits: statuses(/^403$/, /^409$/),
  },
  {
    docker: "200 for a container that does not run and a network that is not there",
    isle: "404",
    reason: "the mistake shows where it is made, and not at the next start",
    fits: on(/^POST \/networks\/nosuch\/connect$/, /^status$/),
  },
  {
    docker: "the gateway of a network is shown when it was asked for",
    isle: "always",
    reason: "it is there",
    fits: at(/IPAM\.Config\[0\]\.Gateway$/),
  },
  {
    docker: "names on networks are left out of lists and of containers that never ran",
    isle: "they are shown",
    reason: "they are known",
    fits: at(/NetworkSettings\.Networks\.\w+\.(Aliases|DNSNames)\[\d\]$/),
  },
  {
    docker: "a load of something that is no archive answers 200 with the error in the stream",
    isle: "400",
    reason: "nothing was begun, so the status can still tell",
    fits: (found) => found.request === "POST /images/load" && statuses(/^200$/, /^400$/)(found),
  },
  {
    docker: "events with an unknown filter are an empty stream",
    isle: "400",
    reason: "a filter that is misspelt would wait for ever",
    fits: (found) => found.request === "GET /events" && statuses(/^200$/, /^400$/)(found),
  },
  {
    docker: "an exec that is started a second time answers 200 and says so in its output",
    isle: "409",
    reason: "the API's specification",
    fits: statuses(/^200$/, /^409$/),
  },
  {
    docker: "without `Upgrade`, exec output is framed but called a raw stream",
    isle: "it is called what it is, a multiplexed stream",
    reason: "the API's specification since 1.42",
    fits: on(/^POST \/exec\//, /^type$/),
  },
  {
    docker: "`Builder-Version: 2`",
    isle: "no such header",
    reason: "older clients build in the classic way unless they are told otherwise; both ways are served",
    fits: at(/^builder-version$/),
  },
  {
    docker: "sizes of images count the archive's entries",
    isle: "they count what files hold",
    reason: "what a removal gives back",
    fits: at(/(^|\.|\])(Size|VirtualSize|SizeRootFs|SizeRw)$/),
  },
  {
    docker: "`GraphDriver.Data` names directories",
    isle: "it is empty",
    reason: "layers are the engine's own; other programs must not write to them",
    fits: at(/GraphDriver\.Data/),
  },
  {
    docker: "`DockerVersion` of an image",
    isle: "empty",
    reason: "no Docker made it",
    fits: at(/^DockerVersion$/),
  },
  {
    docker: "runs containers with runc",
    isle: "runs them with crun where it is installed",
    reason: "it starts faster; runc is chosen with `--runtime runc`",
    fits: at(/HostConfig\.Runtime$/),
  },
  {
    docker: "has files of a container under its own data root",
    isle: "has them under its own",
    reason: "they are two engines",
    fits: at(
      /(^|\.)(ResolvConfPath|HostnamePath|HostsPath|LogPath|Mountpoint|SandboxKey|SandboxID)$|Mounts\[\d\]\.Source$/,
    ),
  },
  {
    docker: "process ids of its own namespace",
    isle: "the same, in another",
    reason: "they are two engines",
    fits: at(/^State\.Pid$/),
  },
  {
    docker: "`OomKillDisable` is false where the kernel knows it",
    isle: "null unless it was asked for",
    reason: "clients read both alike",
    fits: at(/OomKillDisable$/),
  },
  {
    docker: "runc words why a command cannot run",
    isle: "crun does; both end in what clients match on",
    reason: "the runtime's own words help more than a translation",
    fits: at(/^State\.Error$/),
  },
  {
    docker: "the output of an exec that cannot run is runc's reason",
    isle: "crun's",
    reason: "as above",
    fits: on(/^POST \/exec\//, /^text$/),
  },
  {
    docker: "`CanRemove` of an exec that ended is false in some ways of ending",
    isle: "true once it has ended",
    reason: "that is when it can be removed",
    fits: at(/^CanRemove$/),
  },
  {
    docker: "the bridge is the device `docker0`",
    isle: "it has another name, which is no option of the network",
    reason: "both engines live side by side",
    fits: at(/com\.docker\.network\.bridge\.name$/),
  },
  {
    docker: "containerd, runc and docker-init are components of the engine",
    isle: "the runtimes and conmon are",
    reason: "there is no containerd, and the init is catatonit",
    fits: on(/\/version$/, /^Components/),
  },
  {
    docker: "tells about containerd, CDI, its firewall and storage driver",
    isle: "tells about what it has",
    reason: "as above",
    fits: on(
      /^GET \/info$/,
      /^(DriverStatus|Plugins|Runtimes|FirewallBackend|CDISpecDirs|Containerd|Warnings|KernelMemoryTCP|DiscoveredDevices|SystemTime)/,
    ),
  },
  {
    docker: "a commit without changes adds no layer",
    isle: "it adds an empty one",
    reason: "the history and the layers stay one to one",
    fits: on(/commit/, /^(RootFS\.Layers|\[\d\])/),
  },
  {
    docker: "statistics of the memory as the kernel's cgroup version has them",
    isle: "all that the cgroup reports",
    reason: "nothing is gained by leaving some out",
    fits: on(/\/stats$/, /^(memory_stats|pids_stats|networks|blkio_stats)/),
  },
  {
    docker: "a save names what is missing as it was asked for",
    isle: "it adds the tag that is meant",
    reason: "it is the name that was looked for",
    fits: on(/^GET \/images\/nosuch\/get$/, /^message$/),
  },
  {
    docker: "an exec that cannot run only begins in the events",
    isle: "it also ends, with `exec_die`",
    reason: "who follows the events learns that it is over",
    fits: on(/^events$/, /^container exec_die$/),
  },
];
