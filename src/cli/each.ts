import type { Context } from "./command.ts";
import { errorText } from "./error-text.ts";

export interface EachOptions {
  /** Work on all of them at once instead of one after the other. */
  readonly together?: boolean;
}

/**
 * Does `work` for each argument and prints what it returns; a failure is printed and the others go on.
 * The exit code is 1 when one failed.
 */
export async function forEachArgument(
  { args, print, warn }: Pick<Context, "args" | "print" | "warn">,
  work: (argument: string) => Promise<string | undefined>,
  { together = false }: EachOptions = {},
): Promise<number> {
  let failed = false;
  const attempts = together ? args.map((argument) => settle(work(argument))) : undefined;
  for (const [index, argument] of args.entries()) {
    const result = await (attempts?.[index] ?? settle(work(argument)));
    if ("error" in result) {
      failed = true;
      await warn(errorText(result.error));
    } else if (result.value !== undefined) await print(result.value);
  }
  return failed ? 1 : 0;
}

type Settled<T> = { readonly value: T } | { readonly error: unknown };

function settle<T>(promise: Promise<T>): Promise<Settled<T>> {
  return promise.then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  );
}
