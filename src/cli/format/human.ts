const minute = 60;
const hour = 60 * minute;

/** `3 minutes`, `About an hour`: how long, roughly, as Docker says it. */
export function humanDuration(seconds: number): string {
  if (seconds < 1) return "Less than a second";
  if (seconds < 2) return "1 second";
  if (seconds < minute) return `${Math.floor(seconds)} seconds`;
  const minutes = Math.floor(seconds / minute);
  if (minutes === 1) return "About a minute";
  if (minutes < 60) return `${minutes} minutes`;
  return humanHours(Math.floor(seconds / hour + 0.5));
}

function humanHours(hours: number): string {
  if (hours === 1) return "About an hour";
  if (hours < 48) return `${hours} hours`;
  if (hours < 24 * 7 * 2) return `${Math.floor(hours / 24)} days`;
  if (hours < 24 * 30 * 2) return `${Math.floor(hours / 24 / 7)} weeks`;
  if (hours < 24 * 365 * 2) return `${Math.floor(hours / 24 / 30)} months`;
  return `${Math.floor(hours / 24 / 365)} years`;
}

/** `3 minutes ago` for seconds since 1970. */
export const ago = (seconds: number): string => `${humanDuration(Date.now() / 1000 - seconds)} ago`;

/** `2026-01-31 12:00:00 +0000 UTC` in local time, as Go prints a time. */
export function goTime(seconds: number): string {
  const date = new Date(seconds * 1000);
  const offset = -date.getTimezoneOffset();
  const local = new Date(date.getTime() + offset * 60_000).toISOString().slice(0, 19).replace("T", " ");
  const two = (value: number) => String(Math.floor(value)).padStart(2, "0");
  const zone = `${offset < 0 ? "-" : "+"}${two(Math.abs(offset) / 60)}${two(Math.abs(offset) % 60)}`;
  const name = offset === 0 ? "UTC" : (/\(([A-Z]+)\)/.exec(date.toString())?.[1] ?? zone.slice(0, 3));
  return `${local} ${zone} ${name}`;
}

/** The text cut to `length` signs, the last of them `…` when something was cut. */
export function ellipsis(text: string, length: number): string {
  const signs = [...text];
  return signs.length <= length ? text : `${signs.slice(0, length - 1).join("")}…`;
}
