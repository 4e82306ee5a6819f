const unitSeconds: Record<string, number> = { s: 1, m: 60, h: 3600 };

/**
 * A moment as the daemon takes it. A duration such as `1h30m` is that long ago; a date without a zone is local;
 * anything else goes to the daemon as it is.
 */
export function apiTime(text: string): string {
  if (/^-?(\d+(\.\d+)?[smh])+$/.test(text)) return secondsText(Date.now() / 1000 - durationSeconds(text));
  const local = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d)(?::(\d\d)(?::(\d\d(?:\.\d+)?))?)?)?$/.exec(text);
  if (!local) return text;
  const [, date, hour = "00", minute = "00", second = "00"] = local;
  return secondsText(new Date(`${date}T${hour}:${minute}:${second}`).getTime() / 1000);
}

const secondsText = (seconds: number): string => seconds.toFixed(9);

function durationSeconds(text: string): number {
  let seconds = 0;
  for (const [, amount, unit] of text.matchAll(/(\d+(?:\.\d+)?)([smh])/g))
    seconds += Number(amount) * unitSeconds[unit!]!;
  return text.startsWith("-") ? -seconds : seconds;
}
