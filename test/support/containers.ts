import type { ContainerConfig, HostConfig } from "../../src/api/generated/engine-api.ts";
import type { ApiClient, Json } from "./api-client.ts";
import { textsOf } from "./frames.ts";

export interface ContainerRequest extends ContainerConfig {
  readonly HostConfig?: HostConfig;
  readonly NetworkingConfig?: unknown;
  /** Not part of the body. */
  readonly name?: string;
  /** Not part of the body: what `sh -c` runs. */
  readonly script?: string;
}

export interface Outcome {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface ExecRequest {
  readonly Env?: string[];
  readonly User?: string;
  readonly WorkingDir?: string;
  readonly Privileged?: boolean;
  readonly Tty?: boolean;
}

/** The verbs most tests need, over the checking client. */
export class Containers {
  readonly api: ApiClient;

  constructor(api: ApiClient) {
    this.api = api;
  }

  async create({ name, script, ...body }: ContainerRequest = {}): Promise<string> {
    const command = script === undefined ? {} : { Cmd: ["sh", "-c", script] };
    const created = await this.api.ok("POST", "/containers/create", {
      query: { name },
      json: { Image: "busybox", ...command, ...body },
    });
    return created.Id;
  }

  async start(request: ContainerRequest = {}): Promise<string> {
    const id = await this.create(request);
    await this.api.ok("POST", `/containers/${id}/start`);
    return id;
  }

  /** A container that does nothing until it is stopped, and then ends at once. */
  idle(request: ContainerRequest = {}): Promise<string> {
    return this.start({ script: "trap 'exit 0' TERM; while :; do sleep 3600 & wait; done", ...request });
  }

  /** Runs to the end; the container stays. */
  async finish(request: ContainerRequest): Promise<Outcome & { id: string }> {
    const id = await this.create(request);
    const ended = this.wait(id, "next-exit");
    await this.api.ok("POST", `/containers/${id}/start`);
    const exitCode = await ended;
    return { id, exitCode, ...(await this.logs(id)) };
  }

  /** Runs to the end and removes. */
  async run(request: ContainerRequest): Promise<Outcome> {
    const { id, ...outcome } = await this.finish(request);
    await this.remove(id);
    return outcome;
  }

  /** What a script prints; it must succeed. */
  async output(script: string, request: ContainerRequest = {}): Promise<string> {
    const { exitCode, stdout, stderr } = await this.run({ script, ...request });
    if (exitCode !== 0) throw new Error(`exit ${exitCode}: ${stderr}${stdout}`);
    return stdout.trimEnd();
  }

  async exec(id: string, command: string | readonly string[], request: ExecRequest = {}): Promise<Outcome> {
    const Cmd = typeof command === "string" ? ["sh", "-c", command] : command;
    const made = await this.api.ok("POST", `/containers/${id}/exec`, {
      json: { Cmd, AttachStdout: true, AttachStderr: true, ...request },
    });
    const session = await this.api.hijack(`/exec/${made.Id}/start`, {
      json: { Detach: false, Tty: request.Tty ?? false },
    });
    const output = await session.rest();
    if (session.status >= 300) throw new Error(`exec: ${session.status} ${output.toString()}`);
    const { ExitCode } = await this.api.ok("GET", `/exec/${made.Id}/json`);
    const texts = request.Tty ? { stdout: output.toString(), stderr: "" } : textsOf(output);
    return { exitCode: ExitCode, ...texts };
  }

  async wait(id: string, condition?: string): Promise<number> {
    return (await this.api.ok("POST", `/containers/${id}/wait`, { query: { condition } })).StatusCode;
  }

  inspect(id: string): Promise<Json> {
    return this.api.ok("GET", `/containers/${id}/json`);
  }

  async state(id: string): Promise<Json> {
    return (await this.inspect(id)).State;
  }

  async logs(
    id: string,
    query: Record<string, string | number | boolean> = {},
  ): Promise<{ stdout: string; stderr: string }> {
    const reply = await this.api.request("GET", `/containers/${id}/logs`, {
      query: { stdout: true, stderr: true, ...query },
    });
    if (reply.status !== 200) throw new Error(reply.text);
    return String(reply.headers["content-type"]).includes("multiplexed")
      ? textsOf(reply.body)
      : { stdout: reply.text, stderr: "" };
  }

  /** Follows the log until it holds the text. */
  async untilLog(id: string, text: string): Promise<void> {
    const response = await this.api.raw("GET", `/containers/${id}/logs`, {
      query: { stdout: true, stderr: true, follow: true },
    });
    let seen = "";
    for await (const chunk of response as AsyncIterable<Buffer>) {
      seen += chunk.toString();
      if (seen.includes(text)) return void response.destroy();
    }
    throw new Error(`the log ended before ${JSON.stringify(text)}: ${seen}`);
  }

  /** The next event of the container with that action, from now on or from `since`, in seconds. */
  async event(id: string, action: string, since?: number): Promise<Json> {
    const filters = JSON.stringify({ container: [id], event: [action] });
    const stream = await this.api.stream("GET", "/events", { query: { filters, since } });
    try {
      return await stream.find(() => true);
    } finally {
      stream.close();
    }
  }

  async remove(id: string): Promise<void> {
    await this.api.ok("DELETE", `/containers/${id}`, { query: { force: true, v: true } });
  }

  /** Removes all containers. */
  async clear(): Promise<void> {
    const all = (await this.api.ok("GET", "/containers/json", { query: { all: true } })) as Json[];
    await Promise.all(
      all.map(({ Id }) => this.api.request("DELETE", `/containers/${Id}`, { query: { force: true, v: true } })),
    );
  }
}
