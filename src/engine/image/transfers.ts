import { SharedWork } from "../../base/shared-work.ts";
import { Slots } from "../../base/slots.ts";
import type { Blob } from "../../core/content.ts";
import type { ImageDeps } from "../deps.ts";

export interface TransferOptions {
  readonly maxConcurrentDownloads?: number;
  readonly maxConcurrentUploads?: number;
  /** Attempts at one layer, resumed ones included. */
  readonly maxDownloadAttempts?: number;
  /** First pause between attempts; doubles each time. */
  readonly retryDelayMs?: number;
}

/** Transfers of the whole engine: the limits that all pulls and pushes share, and the downloads under way. */
export interface Transfers {
  readonly downloads: Slots;
  readonly uploads: Slots;
  readonly maxAttempts: number;
  readonly retryDelayMs: number;
  /** Downloads under way by digest. */
  readonly shared: SharedWork<Blob, DownloadProgress>;
}

export type DownloadProgress =
  | { readonly kind: "waiting" }
  | { readonly kind: "bytes"; readonly current: number; readonly total: number }
  | { readonly kind: "verifying" }
  | { readonly kind: "retrying"; readonly seconds: number };

export function createTransfers(options: TransferOptions = {}): Transfers {
  return {
    downloads: new Slots(options.maxConcurrentDownloads ?? 3),
    uploads: new Slots(options.maxConcurrentUploads ?? 5),
    maxAttempts: options.maxDownloadAttempts ?? 5,
    retryDelayMs: options.retryDelayMs ?? 1000,
    shared: new SharedWork(),
  };
}

/** What pull and push work with. */
export interface TransferDeps extends ImageDeps {
  readonly transfers: Transfers;
}

/** One line of progress, in Docker's words. */
export interface TransferLine {
  readonly status?: string;
  readonly id?: string;
  readonly progressDetail?: { readonly current?: number; readonly total?: number };
  readonly aux?: unknown;
}

export type ReportLine = (line: TransferLine) => void;
