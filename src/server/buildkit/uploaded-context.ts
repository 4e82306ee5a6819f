import { streamedContext } from "../../base/context-input.ts";
import { receiveContext } from "../../engine/build/context.ts";
import type { BuildDeps } from "../../engine/build/deps.ts";
import type { RemoteContext } from "../../engine/build/remote-context.ts";
import { type Codec, codec } from "./messages.ts";
import type { ClientSession } from "./sessions.ts";

/** The URL of what a client reads from its standard input and offers over its session. */
export const uploadPrefix = "http://buildkit-session/";

interface Upload {
  readonly url: string;
  readonly dockerfile: string;
  readonly kept: readonly string[];
}

const bytesMessage: Codec<{ data: Uint8Array }> = codec("BytesMessage");

/** A build's files from the client's standard input: an archive, or a Dockerfile alone. */
export async function uploadedContext(
  deps: BuildDeps,
  session: ClientSession,
  { url, dockerfile: wanted, kept }: Upload,
): Promise<RemoteContext> {
  const call = session.openUpload(url.slice(uploadPrefix.length - 1));
  // We have nothing to say; a call that is open on our side would count as broken off when the client has sent all.
  call.end();
  const { archive, dockerfile } = await streamedContext(dataOf(call.messages), wanted);
  const context = await receiveContext(deps, archive, [...kept, dockerfile]);
  return { context, dockerfile };
}

async function* dataOf(messages: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void> {
  for await (const message of messages) yield Uint8Array.from(bytesMessage.decode(message).data);
}
