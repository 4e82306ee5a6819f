import type { OciSpec } from "../../core/oci-spec.ts";
import { planRun } from "../plan/container.ts";
import { filterOf } from "../seccomp-filter.ts";

/** The agent's own name as a command: it ends at once. */
const rehearsalCommand = "isle-rehearsal";
const filesOfEveryStart = ["/etc/resolv.conf", "/etc/hostname", "/etc/hosts"];

/** What a spare does once, so that the real start finds everything translated and read. Nothing of a user is in it. */
export async function planRehearsal(spec: OciSpec): Promise<Buffer> {
  const { process, linux } = spec;
  const neutral: OciSpec = {
    ...spec,
    process: {
      ...process,
      terminal: false,
      user: { uid: 0, gid: 0 },
      args: [rehearsalCommand],
      env: ["PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root"],
      cwd: "/",
    },
    hostname: "rehearsal",
    mounts: spec.mounts
      .filter(({ type }) => type !== "bind")
      .concat(
        filesOfEveryStart.map((destination) => ({ destination, type: "bind", source: "/dev/null", options: [] })),
      ),
    linux: { ...linux, sysctl: {}, resources: {} },
  };
  return planRun(neutral, {
    rootOnDisk: true,
    input: true,
    filter: await filterOf(spec),
    bootId: "",
    smallFile: () => ({ content: Buffer.from("\n"), mode: 0o644 }),
  }).fields;
}
