import { invalid } from "./error.ts";

/** Linux signal names by number, from 1; the same on every architecture isle runs on. */
const names = (
  "HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM STKFLT CHLD CONT STOP TSTP TTIN TTOU URG " +
  "XCPU XFSZ VTALRM PROF WINCH IO PWR SYS"
).split(" ");
const synonyms: Record<string, number> = { IOT: 6, CLD: 17, POLL: 29 };
const firstRealTime = 34;
const lastRealTime = 64;

/** Number of a signal written as `TERM`, `SIGTERM`, `15` or `RTMIN+3`. */
export function parseSignal(text: string): number {
  if (/^\d{1,3}$/.test(text) && Number(text) > 0 && Number(text) <= lastRealTime) return Number(text);
  const name = text.toUpperCase().replace(/^SIG/, "");
  const known = names.indexOf(name) + 1 || (synonyms[name] ?? 0);
  if (known > 0) return known;
  const realTime = /^(RTMIN|RTMAX)(?:([+-])(\d{1,2}))?$/.exec(name);
  const number = realTime ? realTimeSignal(realTime) : 0;
  if (number < firstRealTime || number > lastRealTime) throw invalid(`Invalid signal: ${text}`);
  return number;
}

function realTimeSignal([, base, sign = "+", offset = "0"]: RegExpExecArray): number {
  const from = base === "RTMIN" ? firstRealTime : lastRealTime;
  return sign === "+" ? from + Number(offset) : from - Number(offset);
}
