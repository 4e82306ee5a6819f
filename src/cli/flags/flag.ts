/** How a flag's text becomes a value; the words are those shown in the help. */
export interface FlagTypes {
  bool: boolean;
  string: string;
  int: number;
  uint: number;
  /** Bytes, with units of 1024. */
  bytes: number;
  /** Nanoseconds. */
  duration: number;
  /** A number with a fraction, kept as its text. */
  decimal: string;
  /** Repeatable; each text is one value. */
  list: string[];
  /** Repeatable, and each text may hold several values, separated by commas. */
  strings: string[];
  /** Repeatable `key=value`. */
  map: Record<string, string>;
}

export type FlagType = keyof FlagTypes;

export interface Flag {
  readonly type: FlagType;
  readonly short?: string;
  readonly help: string;
  readonly default?: string | number | boolean;
  /** What the flag stands for when it is written without a value; the next word is one only where it looks like that. */
  readonly bare?: { readonly value: string; readonly looks: RegExp };
  /** Name of the value in the help, when it is more telling than the type. */
  readonly value?: string;
  /** The environment variable that stands in for it; said in the help. */
  readonly env?: string;
  readonly hidden?: boolean;
  /** Returns the text to keep, or throws with the reason why it is wrong. */
  readonly check?: (text: string) => string;
}

export type FlagTable = Readonly<Record<string, Flag>>;

export type FlagValues<T extends FlagTable> = { readonly [Name in keyof T]: FlagTypes[T[Name]["type"]] };

export interface ParsedFlags<T extends FlagTable> {
  readonly values: FlagValues<T>;
  /** Names of the flags that were written. */
  readonly changed: ReadonlySet<string>;
  readonly args: readonly string[];
}

/** The value of a flag that was not written. */
export function unsetValue({ type, default: preset }: Flag): FlagTypes[FlagType] {
  if (type === "list" || type === "strings") return [];
  if (type === "map") return {};
  if (type === "bool") return preset === true;
  if (type === "string" || type === "decimal") return String(preset ?? "");
  return typeof preset === "number" ? preset : 0;
}
