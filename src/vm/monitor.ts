import { EventEmitter } from "node:events";
import { closeSync, constants, openSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { IsleError } from "../base/error.ts";
import { frameType } from "./generated/protocol.ts";
import { askRelay } from "./relay-client.ts";

/** A connection to a unix socket in a directory whose path may be longer than a socket's address. */
export function connectIn(directory: string, name: string): Promise<Socket> {
  const place = openSync(directory, constants.O_RDONLY | constants.O_DIRECTORY);
  return new Promise((resolve, reject) => {
    const socket = connect(`/proc/self/fd/${place}/${name}`);
    socket.once("error", (error) => {
      closeSync(place);
      reject(error);
    });
    socket.once("connect", () => {
      closeSync(place);
      socket.removeAllListeners("error");
      socket.on("error", () => {});
      resolve(socket);
    });
  });
}

export interface Monitor {
  /** Sends a command and returns its answer; a refusal fails with QEMU's words. */
  ask(command: string, args?: object): Promise<unknown>;
  /** Resolves at the next event of this name whose data has what is wanted. */
  event(name: string, wanted: Readonly<Record<string, unknown>>): Promise<void>;
  close(): void;
}

interface Answer {
  readonly return?: unknown;
  readonly error?: { readonly desc: string };
  readonly event?: string;
  readonly data?: Readonly<Record<string, unknown>>;
}

/** QEMU's monitor, ready for commands. */
export async function openMonitor(socket: Socket): Promise<Monitor> {
  const waiting: Array<{ resolve(value: unknown): void; reject(error: Error): void; command: string }> = [];
  const happenings = new EventEmitter();
  let held = "";
  socket.setEncoding("utf8");
  socket.on("data", (text: string) => {
    held += text;
    const lines = held.split("\n");
    held = lines.pop() ?? "";
    for (const line of lines) {
      const answer = JSON.parse(line) as Answer;
      if (answer.event !== undefined) happenings.emit(answer.event, answer.data ?? {});
      if (answer.return === undefined && !answer.error) continue;
      const asker = waiting.shift();
      if (answer.error) asker?.reject(new IsleError("internal", `${asker.command}: ${answer.error.desc}`));
      else asker?.resolve(answer.return);
    }
  });
  socket.once("close", () => {
    for (const { reject, command } of waiting.splice(0)) {
      reject(new IsleError("internal", `the virtual machine ended at ${command}`));
    }
    happenings.emit("close");
  });
  const monitor: Monitor = {
    ask: (command, args) =>
      new Promise((resolve, reject) => {
        if (socket.destroyed) reject(new IsleError("internal", `the virtual machine ended before ${command}`));
        waiting.push({ resolve, reject, command });
        socket.write(`${monitorLine(command, args)}\n`);
      }),
    event: (name, wanted) => nextEvent(happenings, name, wanted),
    close: () => socket.destroy(),
  };
  await monitor.ask("qmp_capabilities");
  return monitor;
}

function nextEvent(happenings: EventEmitter, name: string, wanted: Readonly<Record<string, unknown>>): Promise<void> {
  return new Promise((resolve, reject) => {
    happenings.on(name, (data: Record<string, unknown>) => {
      if (Object.entries(wanted).every(([key, value]) => data[key] === value)) resolve();
    });
    happenings.once("close", () => reject(new IsleError("internal", `the virtual machine ended before ${name}`)));
  });
}

const patienceMs = 60_000;

/** The monitor of a machine that has a relay, which passes questions on and keeps events for itself. */
export function relayMonitor(directory: string): Pick<Monitor, "ask"> {
  return {
    async ask(command, args) {
      const line = (
        await askRelay(directory, frameType.ask, Buffer.from(monitorLine(command, args)), patienceMs)
      ).toString();
      const answer = JSON.parse(line) as Answer;
      if (answer.error) throw new IsleError("internal", `${command}: ${answer.error.desc}`);
      return answer.return;
    },
  };
}

export const monitorLine = (command: string, args?: object): string =>
  JSON.stringify({ execute: command, ...(args && { arguments: args }) });
