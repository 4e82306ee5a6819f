import { invalid } from "./error.ts";

/** Permission bits after a chmod: octal digits, or clauses such as `u+x,go-w` and `a=rX`. */
export function fileMode(text: string, present: { mode: number; isDirectory: boolean }): number {
  if (/^[0-7]{1,5}$/.test(text)) return Number.parseInt(text, 8) & 0o7777;
  return text
    .split(",")
    .reduce((mode, clause) => applyClause(mode, clause, present.isDirectory), present.mode & 0o7777);
}

/** Fails with invalid when the text is no mode. */
export function checkFileMode(text: string): void {
  fileMode(text, { mode: 0, isDirectory: false });
}

const shifts: Readonly<Record<string, number>> = { u: 6, g: 3, o: 0 };

function applyClause(mode: number, clause: string, isDirectory: boolean): number {
  const match = /^([ugoa]*)((?:[-+=](?:[rwxXst]*|[ugo]))+)$/.exec(clause);
  if (!match) throw invalid(`invalid chmod parameter: '${clause}': it should be octal or of the form u+x,go-w`);
  const who = match[1] === "" || match[1]!.includes("a") ? "ugo" : match[1]!;
  let result = mode;
  for (const [, operator, what = ""] of match[2]!.matchAll(/([-+=])([rwxXstugo]*)/g)) {
    const bits = bitsOf(who, what, { mode: result, isDirectory });
    if (operator === "+") result |= bits;
    else if (operator === "-") result &= ~bits;
    else result = (result & ~bitsOf(who, "rwx", { mode: result, isDirectory })) | bits;
  }
  return result;
}

function bitsOf(who: string, what: string, { mode, isDirectory }: { mode: number; isDirectory: boolean }): number {
  const executable = isDirectory || (mode & 0o111) !== 0;
  const own: Readonly<Record<string, number>> = { r: 4, w: 2, x: 1, X: executable ? 1 : 0 };
  const copied = (letter: string): number => (letter in shifts ? (mode >> shifts[letter]!) & 7 : 0);
  const special: Readonly<Record<string, number>> = { us: 0o4000, gs: 0o2000, ut: 0o1000, gt: 0o1000, ot: 0o1000 };
  let bits = 0;
  for (const each of who) {
    for (const letter of what) {
      bits |= ((own[letter] ?? copied(letter)) << shifts[each]!) | (special[`${each}${letter}`] ?? 0);
    }
  }
  return bits;
}
