import { exitFrameHeader } from "../api/stream-frame.ts";
import type { ByteStream } from "../base/byte-stream.ts";
import type { Client } from "./client.ts";

export interface ExecConfig {
  readonly AttachStdin?: boolean;
  readonly AttachStdout?: boolean;
  readonly AttachStderr?: boolean;
  readonly Tty?: boolean;
  readonly Detach?: boolean;
  readonly DetachKeys?: string;
  readonly Env?: readonly string[];
  readonly Cmd: readonly string[];
  readonly Privileged?: boolean;
  readonly User?: string;
  readonly WorkingDir?: string;
  readonly ConsoleSize?: readonly [rows: number, columns: number];
}

export interface ExecStatus {
  readonly Running?: boolean;
  readonly ExitCode?: number | null;
}

/** Prepares a command in a running container and returns its id. */
export async function createExec(client: Client, container: string, config: ExecConfig): Promise<string> {
  const path = `/containers/${encodeURIComponent(container)}/exec`;
  const { Id } = await client.json<{ Id: string }>("POST", path, { json: config });
  return Id;
}

export type ExecStart = Pick<ExecConfig, "Tty" | "ConsoleSize">;

export const startExecDetached = (client: Client, id: string, start: ExecStart): Promise<string> =>
  client.text("POST", `/exec/${id}/start`, { json: { ...start, Detach: true } });

/** Without a terminal an isle daemon tells the exit code in the last frame. */
export const startExec = (client: Client, id: string, start: ExecStart): Promise<ByteStream> =>
  client.hijack("POST", `/exec/${id}/start`, {
    json: { ...start, Detach: false },
    headers: { [exitFrameHeader]: "1" },
  });

export const inspectExec = (client: Client, id: string): Promise<ExecStatus> => client.json("GET", `/exec/${id}/json`);

export const resizeExec = (client: Client, id: string, size: { h: number; w: number }): Promise<string> =>
  client.text("POST", `/exec/${id}/resize`, { query: size });
