/** The users of a user namespace: user n in it is user `first + n` of the machine, and so for groups. */
export interface MappedUsers {
  /** File that stands for the namespace. */
  readonly namespace: string;
  readonly first: number;
  readonly count: number;
}

/** Whether this machine can run workloads as users that are nobody on it; found out once, after the start. */
export interface MappedUsersPort {
  /** Undefined where it cannot be. */
  ready(): Promise<MappedUsers | undefined>;
  /** What was found, for people. */
  finding(): string;
}
