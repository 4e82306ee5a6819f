import type { TestDaemon } from "./daemon.ts";

export interface OtherMachine {
  /** Its address, and that of the daemon's machine as it sees it. */
  readonly address: string;
  readonly near: string;
  readonly address6: string;
  readonly near6: string;
  /** What a line for bash prints there. */
  run(line: string): Promise<string>;
}

/** A network namespace that stands for another machine: it has a cable to the daemon's and sends everything there. */
export async function otherMachine(daemon: TestDaemon, number = 1): Promise<OtherMachine> {
  const [near, address] = [1, 2].map((host) => `10.20${number}.0.${host}`) as [string, string];
  const [near6, address6] = [1, 2].map((host) => `fd99:${number}::${host}`) as [string, string];
  const netns = `${daemon.directory}/other-machine-${number}`;
  const [here, there] = [`cable${number}a`, `cable${number}b`];
  const on = `nsenter --net=${netns}`;
  const script = `set -e
    touch ${netns} && unshare --net=${netns} true
    ip link add ${here} type veth peer name ${there} netns ${netns}
    ip addr add ${near}/24 dev ${here} && ip addr add ${near6}/64 dev ${here} nodad && ip link set ${here} up
    ${on} ip link set lo up
    ${on} ip addr add ${address}/24 dev ${there} && ${on} ip addr add ${address6}/64 dev ${there} nodad
    ${on} ip link set ${there} up
    ${on} ip route add default via ${near} && ${on} ip -6 route add default via ${near6}`;
  const made = await daemon.inNamespaces(["bash", "-c", script]);
  if (made.exitCode !== 0) throw new Error(`no other machine: ${made.stderr}`);
  const run = async (line: string) =>
    (await daemon.inNamespaces(["nsenter", `--net=${netns}`, "bash", "-c", line])).stdout;
  return { address, near, address6, near6, run };
}

/** A line for bash that prints what a web server answers, asking until it has come up. */
export function webGet(address: string, port: number, tries = 100): string {
  const once = `exec 3<>/dev/tcp/${address}/${port} && printf "GET / HTTP/1.0\\r\\n\\r\\n" >&3 && timeout 2 cat <&3`;
  return `for i in $(seq ${tries}); do timeout ${tries === 1 ? 1 : 3} bash -c '${once}' 2>/dev/null | sed "1,/^\\r$/d" | grep . && exit 0; sleep 0.05; done; exit 1`;
}

/** A script for an instance that serves one line on port 80 and logs who asks. */
export const webServer = (body: string): string =>
  `mkdir -p /www; echo ${body} > /www/index.html; exec httpd -fv -p 80 -h /www`;
