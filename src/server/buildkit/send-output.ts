import type { OutgoingHttpHeaders } from "node:http2";
import type { BuildDeps } from "../../engine/build/deps.ts";
import type { Delivery } from "../../engine/build/request.ts";
import type { OpenCall } from "../grpc/grpc-client.ts";
import { type Codec, codec } from "./messages.ts";
import { sendTree } from "./send-tree.ts";
import { storeBlobs } from "./session-cache.ts";
import type { ClientSession } from "./sessions.ts";

const bytesMessage: Codec<{ data: Uint8Array }> = codec("BytesMessage");

/** Clients take messages of 4 MB at most. */
const maxChunkBytes = 1 << 20;

/** Sends an output to the client, whose session knows by the output's number where it goes. */
export async function sendOutput(
  deps: BuildDeps,
  session: ClientSession,
  { index, kind, archive, facts, blobs = [] }: Delivery,
): Promise<void> {
  // The client writes the index of the layout itself, from the facts.
  if (kind === "layout") return await storeBlobs(deps, { session, store: "export" }, blobs);
  const metadata: OutgoingHttpHeaders = {
    "buildkit-attachable-exporter-id": String(index),
    ...Object.fromEntries(Object.entries(facts).map(([name, value]) => [`exporter-md-${name}`, value])),
  };
  const call = session.openOutput(metadata);
  if (kind === "tree") await sendTree(deps, call, archive);
  else await sendFile(call, archive);
}

async function sendFile(call: OpenCall, archive: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const chunk of archive) {
    for (let at = 0; at < chunk.length; at += maxChunkBytes) {
      await call.send(bytesMessage.encode({ data: chunk.subarray(at, at + maxChunkBytes) }));
    }
  }
  call.end();
  // The client says at its end whether it could write the file.
  for await (const _ of call.messages);
}
