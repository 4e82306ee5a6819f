/** Ends the command line with `code`, after `message` (when not empty) on standard error. */
export class Exit extends Error {
  readonly code: number;

  constructor(code: number, message = "") {
    super(message);
    this.name = "Exit";
    this.code = code;
  }
}

/** A failure that is the user's to correct, such as a flag's value. */
export const usageError = (message: string): Exit => new Exit(1, message);
