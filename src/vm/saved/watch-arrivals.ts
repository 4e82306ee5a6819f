import { spawn } from "node:child_process";
import { findProgram } from "../../os/find-program.ts";
import { runOk } from "../../os/process.ts";
import { findPart, machineUser } from "../places.ts";

/** What is sent to a suspended machine is dropped, not refused by the host: its sender tries again. */
const silence = "add table inet isle; add chain inet isle input { type filter hook input priority 0; policy drop; }";

/**
 * Stands in for a suspended machine in its network namespace, and calls `arrived` when somebody sends something to one of
 * its addresses. Goes on until it is closed, so that its neighbours keep finding it; ends with this process.
 */
export function watchArrivals(netns: string, arrived: () => void): { close(): void } {
  const child = spawn(findPart("isle-relay"), ["watch", netns, String(machineUser)], {
    stdio: ["pipe", "pipe", "ignore"],
  });
  child.on("error", () => {});
  child.stdin.on("error", () => {});
  child.stdout.on("data", (chunk: Buffer) => {
    if (chunk.includes("w")) arrived();
  });
  const nft = findProgram("nft");
  if (nft) void runOk("nsenter", [`--net=${netns}`, nft, silence]).catch(() => {});
  return { close: () => void child.stdin.destroy() };
}
