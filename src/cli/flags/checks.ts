/** A check that lets only these texts through. */
export function choice(...allowed: readonly string[]): (text: string) => string {
  return (text) => {
    if (allowed.includes(text)) return text;
    throw new Error(`want one of ${allowed.filter((word) => word !== "").join(", ")}`);
  };
}
