import { expect, test } from "bun:test";
import { commandProblem, lastMessage, runtimeMessage } from "./message.ts";

test("a command that is missing is told in the words that mean 127", () => {
  const error = runtimeMessage("crun", "executable file `nosuch` not found in $PATH: No such file or directory");
  expect(error.code).toBe("invalid");
  expect(error.message).toContain('exec: "nosuch": executable file not found in $PATH');
});
test("a command that cannot be executed is told in the words that mean 126", () => {
  expect(commandProblem("open executable: Permission denied")).toContain("permission denied");
});
test("any other complaint is passed on as the runtime said it", () => {
  expect(runtimeMessage("crun", "mount `x` to `y`: Invalid argument").code).toBe("internal");
});
test("the last line of a JSON log counts", () => {
  expect(lastMessage('{"msg":"first"}\n{"msg":"last"}\n')).toBe("last");
});
