import { expect, test } from "bun:test";
import { expandWord, expandWords } from "./expand.ts";

const variables = new Map([
  ["a", "one"],
  ["empty", ""],
  ["path", "/usr/local/lib.tar.gz"],
  ["two", "x y"],
]);
const expanded: ReadonlyArray<readonly [text: string, word: string]> = [
  ["$a", "one"],
  ["${a}b", "oneb"],
  ["$missing-", "-"],
  ["\\$a", "$a"],
  ["'$a'", "$a"],
  ['"$a b"', "one b"],
  ['"a\\"b"', 'a"b'],
  ["${missing:-$a}", "one"],
  ["${empty:-d}", "d"],
  ["${empty-d}", ""],
  ["${missing-d}", "d"],
  ["${a:+set}", "set"],
  ["${empty:+set}", ""],
  ["${empty+set}", "set"],
  ["${path#*/}", "usr/local/lib.tar.gz"],
  ["${path##*/}", "lib.tar.gz"],
  ["${path%.*}", "/usr/local/lib.tar"],
  ["${path%%.*}", "/usr/local/lib"],
  ["${path/l/L}", "/usr/Local/lib.tar.gz"],
  ["${path//l/L}", "/usr/LocaL/Lib.tar.gz"],
  ["$", "$"],
];
for (const [text, word] of expanded)
  test(`${text} becomes ${word}`, () => expect(expandWord(text, variables)).toBe(word));

test("a variable that is not set ends the build where it must be", () => {
  expect(() => expandWord("${missing:?is wanted}", variables)).toThrow("missing: is wanted");
  expect(() => expandWord("${a", variables)).toThrow("unsupported modifier");
  expect(() => expandWord("'open", variables)).toThrow("single-quote");
});

test("words part at spaces that are not quoted, those of variables too", () => {
  expect(expandWords("$two \"$two\" a\\ b '' c", variables)).toEqual(["x", "y", "x y", "a b", "", "c"]);
});

test("quotes stay in a heredoc", () => {
  expect(expandWord(`"$a" '$a' \\$a \\n`, variables, { keepsQuotes: true })).toBe(`"one" 'one' $a \\n`);
});

test("a backtick escapes where the directive says so", () => {
  expect(expandWord("C:\\x`$a", variables, { escapeChar: "`" })).toBe("C:\\x$a");
});
