import { invalid } from "./error.ts";

/** The filter `name` of lists: a regular expression that fits anywhere in the name. */
export function namePattern(value: string): RegExp {
  try {
    return new RegExp(value);
  } catch (cause) {
    throw invalid(`invalid filter 'name=${value}': not a regular expression`, { cause });
  }
}
