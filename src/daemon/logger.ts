import type { Facts, Logger, LogLevel } from "../base/log.ts";
import { now } from "../base/time.ts";

const order: readonly LogLevel[] = ["debug", "info", "warn", "error"];

/** Lines on standard error: `time=… level=… msg=… key=value`, or the same as JSON. */
export function createLogger(level: LogLevel, format: "text" | "json"): Logger {
  const write = (lineLevel: LogLevel, message: string, facts: Facts = {}) => {
    if (order.indexOf(lineLevel) < order.indexOf(level)) return;
    const fields = { time: now(), level: lineLevel, msg: message, ...facts };
    process.stderr.write(format === "json" ? `${JSON.stringify(fields)}\n` : `${plain(fields)}\n`);
  };
  return {
    debug: (message, facts) => write("debug", message, facts),
    info: (message, facts) => write("info", message, facts),
    warn: (message, facts) => write("warn", message, facts),
    error: (message, facts) => write("error", message, facts),
  };
}

const plain = (fields: Facts): string =>
  Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}=${quote(String(value))}`)
    .join(" ");

const quote = (value: string): string => (/^[\w.:/@+-]+$/.test(value) ? value : JSON.stringify(value));
