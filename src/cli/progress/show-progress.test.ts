import { expect, test } from "bun:test";
import type { ProgressMessage } from "../../client/images.ts";
import { showProgress } from "./show-progress.ts";

async function shown(messages: readonly ProgressMessage[], isTerminal: boolean): Promise<string> {
  let text = "";
  const write = (data: string | Uint8Array) => {
    text += String(data);
    return Promise.resolve();
  };
  async function* stream() {
    yield* messages;
  }
  const size = () => ({ columns: 60, rows: 20 });
  const terminal = { size, makeRaw: () => () => {}, hideInput: () => () => {}, onResize: () => () => {} };
  await showProgress(stream(), { output: { isTerminal, write }, terminal });
  return text;
}

const pull: readonly ProgressMessage[] = [
  { status: "Pulling from x", id: "latest" },
  { status: "Pulling fs layer", id: "a", progressDetail: {} },
  { status: "Pulling fs layer", id: "b", progressDetail: {} },
  { status: "Downloading", id: "a", progressDetail: { current: 500_000, total: 1_000_000 } },
  { status: "Pull complete", id: "a" },
  { status: "Status: done" },
];

test("a pipe gets the steps without bars", async () => {
  expect(await shown(pull, false)).toBe(
    "latest: Pulling from x\na: Pulling fs layer\nb: Pulling fs layer\na: Pull complete\nStatus: done\n",
  );
});

test("a terminal gets a bar that is redrawn in its own line", async () => {
  const text = await shown(pull, true);
  expect(text).toContain("\x1b[2A\x1b[2K\ra: Downloading [=========");
  expect(text).toContain("500kB/1MB\x1b[2B\r");
  expect(text).toContain("\x1b[2A\x1b[2K\ra: Pull complete\x1b[2B\r");
  expect(text).toEndWith("Status: done\n");
});

test("an error in the stream is thrown", async () => {
  await expect(shown([{ error: "short", errorDetail: { message: "no space left" } }], false)).rejects.toThrow(
    "no space left",
  );
});
