import type { OutgoingHttpHeaders } from "node:http2";
import { IsleError, isCode } from "../../base/error.ts";
import { registryHost } from "../../base/reference.ts";
import type { Credentials } from "../../core/registry.ts";
import type { GrpcClient, OpenCall } from "../grpc/grpc-client.ts";
import { type Codec, codec } from "./messages.ts";

/** What a client of a build offers while it waits: its files, its secrets, its credentials. */
export interface ClientSession {
  readonly id: string;
  /** The same for every build of the same directory; empty when the client has none. */
  readonly sharedKey: string;
  openFiles(metadata: OutgoingHttpHeaders): OpenCall;
  /** What the client reads from its standard input; the messages are its bytes. */
  openUpload(path: string): OpenCall;
  /** Where the client takes an output of its build. */
  openOutput(metadata: OutgoingHttpHeaders): OpenCall;
  /** A method of the client's store of blobs: containerd's, of which it may have several. */
  openContent(method: "Info" | "Read" | "Write", store: string): OpenCall;
  /** Fails unless the client forwards an SSH agent of this id. */
  checkAgent(id: string): Promise<void>;
  /** A connection to it; the messages are its bytes. */
  openAgent(id: string): OpenCall;
  secret(id: string): Promise<Uint8Array | undefined>;
  /** For a registry by its domain. */
  credentials(domain: string): Promise<Credentials | undefined>;
}

export type SessionName = Pick<ClientSession, "id" | "sharedKey">;

const agentRequest: Codec<{ ID: string }> = codec("CheckAgentRequest");
const secretRequest: Codec<{ ID: string }> = codec("GetSecretRequest");
const secretResponse: Codec<{ data: Uint8Array }> = codec("GetSecretResponse");
const credentialsRequest: Codec<{ Host: string }> = codec("CredentialsRequest");
const credentialsResponse: Codec<{ Username: string; Secret: string }> = codec("CredentialsResponse");

export function createSession({ id, sharedKey }: SessionName, client: GrpcClient): ClientSession {
  const orNothing = async <T>(work: Promise<T>): Promise<T | undefined> =>
    await work.catch((error: unknown) => {
      if (isCode(error, "notFound") || isCode(error, "unsupported")) return undefined;
      throw error;
    });
  return {
    id,
    sharedKey,
    openFiles: (metadata) => client.open("/moby.filesync.v1.FileSync/DiffCopy", metadata),
    openUpload: (path) => client.open("/moby.upload.v1.Upload/Pull", { urlpath: path }),
    openOutput: (metadata) => client.open("/moby.filesync.v1.FileSend/DiffCopy", metadata),
    openContent: (method, store) =>
      client.open(`/containerd.services.content.v1.Content/${method}`, { "buildkit-attachable-store-id": store }),
    checkAgent: async (agentId) => {
      await client.ask("/moby.sshforward.v1.SSH/CheckAgent", agentRequest.encode({ ID: agentId }));
    },
    openAgent: (agentId) => client.open("/moby.sshforward.v1.SSH/ForwardAgent", { "buildkit.ssh.id": agentId }),
    async secret(secretId) {
      const path = "/moby.buildkit.secrets.v1.Secrets/GetSecret";
      const answer = await orNothing(client.ask(path, secretRequest.encode({ ID: secretId })));
      return answer && secretResponse.decode(answer).data;
    },
    async credentials(domain) {
      const answer = await orNothing(
        client.ask("/moby.filesync.v1.Auth/Credentials", credentialsRequest.encode({ Host: registryHost(domain) })),
      );
      if (!answer) return undefined;
      const { Username, Secret } = credentialsResponse.decode(answer);
      if (Secret === "") return undefined;
      return Username === "" ? { identityToken: Secret } : { username: Username, password: Secret };
    },
  };
}

const patienceMs = 5000;

/** Sessions that are open, by id. A build may name one that is just being opened. */
export class Sessions {
  readonly #open = new Map<string, ClientSession>();
  readonly #waiting = new Map<string, Set<(session: ClientSession) => void>>();

  add(session: ClientSession): () => void {
    this.#open.set(session.id, session);
    for (const tell of this.#waiting.get(session.id) ?? []) tell(session);
    return () => {
      if (this.#open.get(session.id) === session) this.#open.delete(session.id);
    };
  }

  get(id: string): Promise<ClientSession> {
    const open = this.#open.get(id);
    if (open) return Promise.resolve(open);
    return new Promise((resolve, reject) => {
      const waiting = this.#waiting.get(id) ?? new Set();
      this.#waiting.set(id, waiting);
      const end = (settle: () => void): void => {
        clearTimeout(timer);
        waiting.delete(tell);
        if (waiting.size === 0) this.#waiting.delete(id);
        settle();
      };
      const tell = (session: ClientSession): void => end(() => resolve(session));
      const timer = setTimeout(
        () => end(() => reject(new IsleError("notFound", `no active session for ${id}`))),
        patienceMs,
      );
      waiting.add(tell);
    });
  }
}
