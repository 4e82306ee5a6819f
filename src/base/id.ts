/** A random 256-bit id as 64 hexadecimal digits, never all decimal (a short form must not read as a number). */
export function newId(): string {
  for (;;) {
    const bytes = crypto.getRandomValues(new Uint8Array(32));
    const id = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
    if (/[a-f]/.test(id.slice(0, 12))) return id;
  }
}

export const shortId = (id: string): string => id.replace(/^sha256:/, "").slice(0, 12);
