const farthest = 2;

/** The known word that was probably meant, when one is near enough and the word itself is not known. */
export function suggestion(word: string, known: readonly string[]): string | undefined {
  let best: string | undefined;
  let bestDistance = farthest + 1;
  for (const each of known) {
    const distance = editDistance(word, each);
    if (distance === 0) return undefined;
    if (distance < bestDistance) [best, bestDistance] = [each, distance];
  }
  return best;
}

/** Letters to insert, take out or replace to make one word the other. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const replaced = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return row[b.length]!;
}
