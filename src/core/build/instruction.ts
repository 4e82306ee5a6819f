import type { ImageHealthcheck } from "../image.ts";
import type { Heredoc, LogicalLine } from "./logical-lines.ts";
import type { Lines } from "./source.ts";

/** A command line in exec form (`["a", "b"]`) or as text for a shell. */
export type Command =
  | { readonly form: "exec"; readonly words: readonly string[] }
  | { readonly form: "shell"; readonly text: string; readonly heredocs: readonly Heredoc[] };

export type NameValue = readonly [name: string, value: string];

/** What COPY and ADD have in common; texts are not expanded yet. */
export interface CopySpec {
  readonly sources: readonly string[];
  readonly documents: readonly Heredoc[];
  readonly target: string;
  /** Stage, image or named context; undefined for the build's own context. */
  readonly from?: string | undefined;
  readonly chown?: string | undefined;
  readonly chmod?: string | undefined;
  readonly link: boolean;
  readonly parents: boolean;
  readonly excludes: readonly string[];
  readonly checksum?: string | undefined;
  readonly keepGitDir: boolean;
  readonly unpack?: boolean | undefined;
}

export type InstructionBody =
  | {
      readonly kind: "from";
      readonly image: string;
      readonly platform?: string | undefined;
      readonly name?: string | undefined;
    }
  | { readonly kind: "arg"; readonly args: ReadonlyArray<{ readonly name: string; readonly value?: string }> }
  | { readonly kind: "env" | "label"; readonly pairs: readonly NameValue[] }
  | ({ readonly kind: "copy" } & CopySpec)
  | ({ readonly kind: "add" } & CopySpec)
  | {
      readonly kind: "run";
      readonly command: Command;
      readonly mounts: readonly string[];
      readonly network?: string | undefined;
      readonly security?: string | undefined;
    }
  | { readonly kind: "cmd" | "entrypoint"; readonly command: Command }
  | { readonly kind: "shell"; readonly words: readonly string[] }
  | { readonly kind: "workdir" | "user" | "stopsignal" | "maintainer" | "onbuild"; readonly text: string }
  | { readonly kind: "expose" | "volume"; readonly words: readonly string[] }
  | { readonly kind: "healthcheck"; readonly check: ImageHealthcheck };

export type Instruction = InstructionBody & {
  readonly lines: Lines;
  readonly raw: LogicalLine;
  /** As it stands in the file, keyword in capitals, for progress and history. */
  readonly written: string;
};

export type InstructionOf<Kind extends InstructionBody["kind"]> = Extract<Instruction, { readonly kind: Kind }>;
