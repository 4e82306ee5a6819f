import type { CommandLine } from "../command-line.ts";
import { setPaused } from "../control.ts";

export const pauseCommand = ({ root, words }: CommandLine): Promise<void> => setPaused(root, words[0] ?? "", true);
export const resumeCommand = ({ root, words }: CommandLine): Promise<void> => setPaused(root, words[0] ?? "", false);
