/** One state of a repository elsewhere. */
export interface GitRef {
  readonly remote: string;
  /** Branch, tag, `refs/…` or a whole commit; the remote's own choice when empty. */
  readonly ref: string;
  /** Value of the header Authorization for the remote's host. */
  readonly authorization: string | undefined;
  /** Socket of an agent that signs for ssh. */
  readonly sshAgent: string | undefined;
  /** Keys of hosts for ssh. */
  readonly knownHosts?: KnownHosts | undefined;
  readonly signal: AbortSignal;
}

export interface KnownHosts {
  /** In the form of ssh's known_hosts. Keys of hosts that nobody knows are added to it. */
  readonly file: string;
  /** Other hosts are refused. */
  readonly onlyThese: boolean;
}

export interface GitCheckout extends GitRef {
  readonly submodules: boolean;
  /** The most that files and history may hold. */
  readonly maxBytes: number;
  /** Directory that is not there yet; holds the files afterwards, and what git itself keeps below `.git`. */
  readonly directory: string;
}

/** Fetches from repositories with git. */
export interface GitDriver {
  /** The commit that a ref means now. Fails with notFound for one that is not there, unavailable for a silent remote. */
  resolve(wanted: GitRef): Promise<string>;
  /**
   * Lays the files out and returns the commit. Fails with notFound for a ref that is not there, invalid for more bytes than
   * there may be, unavailable for a remote that cannot be read; the directory may then be left half-made.
   */
  checkout(wanted: GitCheckout): Promise<string>;
}
