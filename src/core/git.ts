/** One state of a repository, fetched from elsewhere. */
export interface GitCheckout {
  readonly remote: string;
  /** Branch, tag, `refs/…` or a whole commit; the remote's own choice when empty. */
  readonly ref: string;
  readonly submodules: boolean;
  /** Directory that is not there yet; holds the files afterwards, and what git itself keeps below `.git`. */
  readonly directory: string;
  /** Value of the header Authorization for the remote's host. */
  readonly authorization: string | undefined;
  /** Socket of an agent that signs for ssh. */
  readonly sshAgent: string | undefined;
  readonly signal: AbortSignal;
}

/** Fetches from repositories with git. */
export interface GitDriver {
  /**
   * Lays the files out and returns the commit. Fails with notFound for a ref that is not there, unavailable for a remote that
   * cannot be read; the directory may then be left half-made.
   */
  checkout(wanted: GitCheckout): Promise<string>;
}
