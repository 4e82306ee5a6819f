import type { Digest } from "../base/digest.ts";

/** Builds that were begun, kept after their end. */
export interface BuildHistory {
  get(id: string): BuildRecord | undefined;
  list(): BuildRecord[];
  put(record: BuildRecord): void;
  remove(id: string): void;
}

export interface BuildRecord {
  readonly id: string;
  /** What was built, in a few words: its first name, or its context and Dockerfile. */
  readonly name: string;
  readonly status: "running" | "completed" | "error" | "cancelled";
  readonly error: string | undefined;
  readonly createdAt: string;
  readonly endedAt: string | undefined;
  readonly steps: number;
  readonly finishedSteps: number;
  readonly cachedSteps: number;
  readonly warnings: number;
  readonly context: string;
  readonly dockerfile: string;
  readonly target: string;
  readonly platform: string;
  readonly args: Readonly<Record<string, string>>;
  /** What the outputs told, by BuildKit's names. */
  readonly facts: Readonly<Record<string, string>>;
  /** Documents about the results. */
  readonly attachments?: readonly RecordAttachment[];
  readonly failedStep?: { readonly number: number; readonly name: string };
  /** Where in its Dockerfile the build failed. */
  readonly place?: RecordPlace;
}

export interface RecordAttachment {
  readonly digest: Digest;
  readonly mediaType: string;
  readonly sizeBytes: number;
  /** Empty where there is one platform alone. */
  readonly platform: string;
  /** Of what attests to the result; undefined for the result itself. */
  readonly predicateType?: string;
}

export interface RecordPlace {
  readonly name: string;
  readonly text: string;
  readonly first: number;
  readonly last: number;
}
