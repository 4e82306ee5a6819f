import { usageError } from "../exit.ts";
import { splitOnce } from "../split-once.ts";

/** `host:ip` or `host=ip`; the daemon reads the first form. */
export function extraHost(text: string): string {
  const [host, ip] = splitOnce(text, /^[^:]*=/.test(text) ? "=" : ":");
  const address = ip?.replace(/^\[(.*)\]$/, "$1") ?? "";
  if (host === "" || address === "") throw usageError(`bad format for add-host: ${JSON.stringify(text)}`);
  if (address !== "host-gateway" && !isAddress(address)) {
    throw usageError(`invalid IP address in add-host: ${JSON.stringify(address)}`);
  }
  return `${host}:${address}`;
}

/** True for what looks like an IPv4 or IPv6 address. */
export const isAddress = (text: string): boolean =>
  /^\d{1,3}(\.\d{1,3}){3}$/.test(text) || /^[0-9a-f.]*:[0-9a-f:.]*$/i.test(text);

export function checkAttach(text: string): string {
  const name = text.toLowerCase();
  if (["stdin", "stdout", "stderr"].includes(name)) return name;
  throw usageError("valid streams are STDIN, STDOUT and STDERR");
}

/** `type major:minor permissions`, such as `c 1:3 rwm`. */
export function checkDeviceRule(text: string): string {
  if (/^[acb] (\d+|\*):(\d+|\*) [rwm]{1,3}$/.test(text)) return text;
  throw usageError(`invalid device cgroup format '${text}'`);
}

const namespacedSysctls = new Set(
  "kernel.msgmax kernel.msgmnb kernel.msgmni kernel.sem kernel.shmall kernel.shmmax kernel.shmmni kernel.shm_rmid_forced".split(
    " ",
  ),
);

/** Only parameters that belong to a namespace of the container can be set for it. */
export function checkSysctl(text: string): string {
  const [name, value] = splitOnce(text, "=");
  const isNamespaced = namespacedSysctls.has(name) || name.startsWith("net.") || name.startsWith("fs.mqueue.");
  if (value === undefined || !isNamespaced) throw usageError(`sysctl '${text}' is not allowed`);
  return text;
}
