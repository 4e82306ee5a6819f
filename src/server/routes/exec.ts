import { defaultDetachKeys, parseDetachKeys } from "../../api/detach-keys.ts";
import { exitFrameHeader, framedContentType, frameStreams, rawContentType } from "../../api/stream-frame.ts";
import { IsleError, messageOf } from "../../base/error.ts";
import type { ExecSession } from "../../core/runtime.ts";
import type { InstanceDeps } from "../../engine/instance/deps.ts";
import { createExec, findExec, resizeExec, startExec } from "../../engine/instance/exec.ts";
import { awaken } from "../../engine/instance/resume.ts";
import { atLeast, type Exchange, empty, json, type Route, sent } from "../exchange.ts";
import { readObject } from "../json-body.ts";
import { frameOutput, receiveInput, sendStream, writeAll } from "../raw-stream.ts";
import { readSize } from "./container.ts";

type Handler = Route<InstanceDeps>["handle"];

interface ExecBody {
  AttachStdin?: boolean | null;
  AttachStdout?: boolean | null;
  AttachStderr?: boolean | null;
  ConsoleSize?: number[] | null;
  DetachKeys?: string | null;
  Tty?: boolean | null;
  Env?: string[] | null;
  Cmd?: string[] | null;
  Privileged?: boolean | null;
  User?: string | null;
  WorkingDir?: string | null;
}

const text = { type: "string" };
const flag = { type: "boolean" };
const words = { type: "array", items: text };
const size = { type: "array", items: { type: "integer" } };
const execShape = {
  type: "object",
  properties: {
    AttachStdin: flag,
    AttachStdout: flag,
    AttachStderr: flag,
    ConsoleSize: size,
    DetachKeys: text,
    Tty: flag,
    Env: words,
    Cmd: words,
    Privileged: flag,
    User: text,
    WorkingDir: text,
  },
};

const create: Handler = async (exchange, deps) => {
  const body = await readObject<ExecBody>(exchange, execShape);
  const keys = body.DetachKeys ?? "";
  if (keys) parseDetachKeys(keys);
  await awaken(deps, exchange.params["id"]!);
  const id = createExec(deps, exchange.params["id"]!, {
    command: body.Cmd ?? [],
    tty: body.Tty ?? false,
    user: body.User ?? "",
    privileged: body.Privileged ?? false,
    env: body.Env ?? [],
    workingDir: body.WorkingDir ?? "",
    attachStdin: body.AttachStdin ?? false,
    attachStdout: body.AttachStdout ?? false,
    attachStderr: body.AttachStderr ?? false,
    detachKeys: keys,
    consoleSize: body.ConsoleSize ?? undefined,
  });
  return json(201, { Id: id });
};

const startShape = { type: "object", properties: { Detach: flag, Tty: flag, ConsoleSize: size } };

const start: Handler = async (exchange, deps) => {
  type StartBody = { Detach?: boolean | null; Tty?: boolean | null; ConsoleSize?: number[] | null };
  const body = await readObject<StartBody>(exchange, startShape, { optional: true });
  const { id, tty } = findExec(deps, exchange.params["id"]!);
  const options = { detach: body.Detach ?? false, tty: body.Tty ?? false, consoleSize: body.ConsoleSize ?? undefined };
  const session = await startExec(deps, id, options).catch((error: unknown) => failedSession(deps, id, error));
  if (options.detach && "failure" in session) throw session.failure;
  if (options.detach) return empty(200);
  if ("failure" in session) await tell(exchange, tty, messageOf(session.failure));
  else await stream(exchange, deps, session, tty);
  return sent;
};

/** What went wrong with a session after it was begun; what kept it from beginning is thrown. */
function failedSession(deps: InstanceDeps, id: string, error: unknown): { failure: unknown } {
  const isRefused = error instanceof IsleError && error.code === "conflict";
  if (isRefused || findExec(deps, id).exitCode === undefined) throw error;
  return { failure: error };
}

/** Clients that ask for a stream read why nothing runs from it, and from no status. */
async function tell(exchange: Exchange, tty: boolean, message: string): Promise<void> {
  const client = await exchange.hijack(streamType(exchange, tty));
  client.resume();
  await writeAll(client, frameOutput(frameStreams.stdout, Buffer.from(`${message}\r\n`), tty));
  client.end();
}

const streamType = (exchange: Exchange, tty: boolean): string =>
  !tty && atLeast(exchange, "1.42") ? framedContentType : rawContentType;

async function stream(exchange: Exchange, deps: InstanceDeps, session: ExecSession, tty: boolean): Promise<void> {
  const exec = findExec(deps, exchange.params["id"]!);
  const client = await exchange.hijack(streamType(exchange, tty));
  const tellsExit = !tty && exchange.request.headers[exitFrameHeader.toLowerCase()] !== undefined;
  const keys = parseDetachKeys(exec.detachKeys || defaultDetachKeys);
  const output = Promise.all([
    sendStream(client, exec.attachStdout ? session.stdout : drop(session.stdout), frameStreams.stdout, tty),
    sendStream(client, exec.attachStderr ? session.stderr : drop(session.stderr), frameStreams.stderr, tty),
  ]);
  if (!session.stdin) client.resume();
  const detached = session.stdin ? receiveInput(client, session.stdin, tty ? keys : undefined) : Promise.resolve(false);
  const over = output.then(async () => {
    const { error, exitCode } = await session.ended;
    if (error) await writeAll(client, frameOutput(frameStreams.stdout, Buffer.from(`${error}\r\n`), tty));
    if (tellsExit) await writeAll(client, frameOutput(frameStreams.exitCode, Buffer.from(`${exitCode}`), tty));
  });
  await Promise.race([over, detached.then((byKeys) => (byKeys ? undefined : over))]);
  client.end();
}

function drop(source: ExecSession["stdout"]): undefined {
  source?.resume();
}

const inspect: Handler = ({ params }, deps) => {
  const exec = findExec(deps, params["id"]!);
  const [entrypoint = "", ...args] = exec.command;
  return json(200, {
    ID: exec.id,
    Running: exec.running,
    ExitCode: exec.exitCode ?? null,
    ProcessConfig: {
      tty: exec.tty,
      entrypoint,
      arguments: args,
      privileged: exec.privileged,
      ...(exec.user && { user: exec.user }),
    },
    OpenStdin: exec.attachStdin,
    OpenStderr: exec.attachStderr,
    OpenStdout: exec.attachStdout,
    CanRemove: exec.started && !exec.running,
    ContainerID: exec.instanceId,
    DetachKeys: exec.detachKeys,
    Pid: exec.running ? (exec.session?.pid() ?? 0) : 0,
  });
};

const resize: Handler = ({ params, query }, deps) => {
  resizeExec(deps, params["id"]!, readSize(query));
  return empty(200);
};

export const execRoutes: ReadonlyArray<Route<InstanceDeps>> = [
  { method: "POST", path: "/containers/{id}/exec", handle: create },
  { method: "POST", path: "/exec/{id}/start", handle: start },
  { method: "POST", path: "/exec/{id}/resize", handle: resize },
  { method: "GET", path: "/exec/{id}/json", handle: inspect },
];
