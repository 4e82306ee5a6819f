import { command } from "../command.ts";
import { Exit } from "../exit.ts";

export const build = command({
  summary: "Build an image from a Dockerfile",
  usage: "[OPTIONS] PATH | URL | -",
  args: { min: 0 },
  flags: {},
  flagsFirst: true,
  run() {
    throw new Exit(1, "isle: building images is not available yet");
  },
});
