/** `sha256:` and 64 hexadecimal digits. */
export type Digest = `sha256:${string}`;

const pattern = /^sha256:[a-f0-9]{64}$/;

export const isDigest = (text: string): text is Digest => pattern.test(text);

/** The part after `sha256:`; safe as a file name. */
export const hexOf = (digest: Digest): string => digest.slice("sha256:".length);
