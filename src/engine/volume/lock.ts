import type { KeyedLock } from "../../base/keyed-lock.ts";

/** One piece of work at a time on a volume. An instance's lock is taken before a volume's, never after. */
export const onVolume = <T>({ locks }: { locks: KeyedLock }, name: string, work: () => Promise<T>): Promise<T> =>
  locks.run(`volume ${name}`, work);
