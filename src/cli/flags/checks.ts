/** A check that reads the text and throws what the reader throws. */
export function readable(read: (text: string) => unknown): (text: string) => string {
  return (text) => {
    read(text);
    return text;
  };
}

/** A check that lets only these texts through. */
export function choice(...allowed: readonly string[]): (text: string) => string {
  return (text) => {
    if (allowed.includes(text)) return text;
    throw new Error(`want one of ${allowed.filter((word) => word !== "").join(", ")}`);
  };
}
