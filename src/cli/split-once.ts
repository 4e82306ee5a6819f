/** The texts before and after the first `mark`; one text when there is none. */
export function splitOnce(text: string, mark: string): [string, ...string[]] {
  const at = text.indexOf(mark);
  return at === -1 ? [text] : [text.slice(0, at), text.slice(at + mark.length)];
}
