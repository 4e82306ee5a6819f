import type { InstanceRecord } from "../../core/instance.ts";

/** Such as `Up 3 minutes (healthy)`, `Exited (0) 2 hours ago`, `Created`. */
export function statusText(record: InstanceRecord, nowMs = Date.now()): string {
  const { state } = record;
  switch (state.status) {
    case "created":
      return "Created";
    case "running":
      return `Up ${humanDuration(nowMs - Date.parse(state.startedAt))}${healthText(record)}`;
    case "paused":
      return `Up ${humanDuration(nowMs - Date.parse(state.startedAt))} (${state.suspended ? "Suspended" : "Paused"})`;
    case "restarting":
      return `Restarting (${state.exitCode}) ${humanDuration(nowMs - Date.parse(state.finishedAt))} ago`;
    case "exited":
      return `Exited (${state.exitCode}) ${humanDuration(nowMs - Date.parse(state.finishedAt))} ago`;
    case "dead":
      return "Dead";
  }
}

function healthText({ health }: InstanceRecord): string {
  if (!health) return "";
  return health.status === "starting" ? " (health: starting)" : ` (${health.status})`;
}

/** Rough durations in words, as Docker's clients show them. */
export function humanDuration(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  const minutes = Math.floor(seconds / 60);
  const hours = Math.round(ms / 3_600_000);
  if (seconds < 1) return "Less than a second";
  if (seconds === 1) return "1 second";
  if (seconds < 60) return `${seconds} seconds`;
  if (minutes === 1) return "About a minute";
  if (minutes < 60) return `${minutes} minutes`;
  if (hours === 1) return "About an hour";
  if (hours < 48) return `${hours} hours`;
  if (hours < 24 * 14) return `${Math.floor(hours / 24)} days`;
  if (hours < 24 * 60) return `${Math.floor(hours / 24 / 7)} weeks`;
  if (hours < 24 * 365 * 2) return `${Math.floor(hours / 24 / 30)} months`;
  return `${Math.floor(hours / 24 / 365)} years`;
}
