/** How content was copied: blocks shared with the origin until one side changes them, or every byte anew. */
export type CopyMethod = "reflink" | "copy";

/** A volume's content at one moment; it belongs to the volume and goes with it. */
export interface VolumeSnapshot {
  readonly name: string;
  readonly createdAt: string;
  readonly method: CopyMethod;
  /** Of the content, whether its blocks are shared or not. */
  readonly sizeBytes: number;
}

export interface StillTree {
  readonly path: string;
  close(): Promise<void>;
}
