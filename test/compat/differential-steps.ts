/**
 * A request that both engines get. `$name` in a path, query or body stands for the id that the request
 * with `as: "name"` returned. Both engines begin with nothing but the image `busybox`.
 */
export interface Step {
  readonly method: string;
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly json?: unknown;
  /** Sent as it is. */
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Keeps the id that comes back. */
  readonly as?: string;
  /** The state decides when the answer comes, not its text: compare the status and the keys only. */
  readonly keysOnly?: boolean;
}

type More = Omit<Step, "method" | "path">;
export const get = (path: string, query: Record<string, string> = {}): Step => ({ method: "GET", path, query });
export const post = (path: string, more: More = {}): Step => ({ method: "POST", path, ...more });
export const remove = (path: string, query: Record<string, string> = {}): Step => ({ method: "DELETE", path, query });
export const filters = (value: unknown) => ({ filters: JSON.stringify(value) });
export const keys = (step: Step): Step => ({ ...step, keysOnly: true });

const idle = ["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 0.1; done"];
export const create = (name: string, json: object = {}): Step =>
  post("/containers/create", { query: { name }, json: { Image: "busybox", Cmd: idle, ...json }, as: name });
