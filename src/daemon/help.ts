import { daemonKeys } from "./config.ts";

/** `isle daemon --help`. */
export function daemonHelp(): string {
  const rows = Object.entries(daemonKeys)
    .filter(([, key]) => !key.fileOnly)
    .map(([name, { kind, short, help }]) => {
      const left = `${short ? `-${short}, ` : "    "}--${name}${kind === "flag" ? "" : ` ${kind}`}`;
      return `  ${left.padEnd(40)}${help}`;
    });
  return [
    "Usage:  isle daemon [OPTIONS]",
    "",
    "Run the engine in the foreground. Containers outlive it.",
    "",
    "Options:",
    ...rows,
    "",
    "Examples:",
    "  isle daemon",
    "  isle daemon --data-root /srv/isle --exec-root /run/isle2 -H unix:///run/isle2.sock",
    "",
  ].join("\n");
}
