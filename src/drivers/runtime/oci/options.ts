import type { Isolation } from "../../../core/runtime.ts";

export interface OciRuntimeOptions {
  /** Name as users write it, such as `crun`. */
  readonly name: string;
  readonly mapsUsers?: boolean;
  readonly isolation: Isolation;
  /** Full path of the OCI runtime. */
  readonly program: string;
  /** True when the runtime takes compiled seccomp filters by annotation, as crun does. */
  readonly compiledSeccomp?: boolean;
  /** Arguments before the sub-command, beside `--root`. */
  readonly globalArgs?: readonly string[];
  /** Where the runtime keeps its state. */
  readonly stateRoot: string;
  /** Full path of conmon. */
  readonly conmon: string;
  /** Where conmon leaves exit codes, a file each. */
  readonly exitDir: string;
  /** For the short-lived files of exec sessions. */
  readonly execDir: string;
  /** Bundle of an instance. */
  readonly bundleOf: (id: string) => string;
}
