const gap = 3;

/** Lines of cells in columns; the last cell of a line is not padded. */
export function formatTable(rows: readonly (readonly string[])[], minimumWidth = 10): string {
  const widths: number[] = [];
  for (const row of rows) {
    row.slice(0, -1).forEach((cell, column) => {
      widths[column] = Math.max(widths[column] ?? minimumWidth, width(cell) + gap);
    });
  }
  return rows
    .map(
      (row) => `${row.map((cell, column) => padded(cell, row.length - 1 > column ? widths[column]! : 0)).join("")}\n`,
    )
    .join("");
}

const isAscii = (text: string): boolean => /^[\x20-\x7e]*$/.test(text);
const width = (text: string): number => (isAscii(text) ? text.length : [...text].length);
const padded = (text: string, to: number): string => text + " ".repeat(Math.max(0, to - width(text)));
