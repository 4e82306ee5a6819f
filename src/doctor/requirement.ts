/** What one look at the machine found. */
export interface Finding {
  readonly present: boolean;
  /** What was found, or what the lack of it means; short, no final stop. */
  readonly detail: string;
}

/** One thing that isle uses of a machine. */
export interface Requirement {
  readonly name: string;
  /** Completes "isle uses it to …". */
  readonly why: string;
  /** Without it, no container runs. */
  readonly needed: boolean;
  /** Debian and Ubuntu package that brings it. */
  readonly debianPackage?: string;
  readonly look: () => Finding;
}

export const found = (detail: string): Finding => ({ present: true, detail });
export const lacking = (detail: string): Finding => ({ present: false, detail });
