import { isCode } from "../../base/error.ts";
import { type Place, placeOf } from "../../core/build/source.ts";
import { errorReply } from "../error-map.ts";
import { StatusError, statusCodes } from "../grpc/grpc-server.ts";
import { codec } from "./messages.ts";

interface Detail {
  readonly type_url: string;
  readonly value: Uint8Array;
}

const statuses = codec<{ code: number; message: string; details: Detail[] }>("Status");

/** Trailers are small. */
const maxDetailBytes = 24 << 10;

/** A build's failure as BuildKit words it: the client shows the lines it comes from by itself. */
export function buildFailure(error: unknown): unknown {
  if (error instanceof StatusError || isCode(error, "unsupported") || isCode(error, "notFound")) return error;
  const place = placeOf(error);
  const message = place?.problem ?? errorReply(error).message;
  const details = place ? [sourceDetail(place)] : [];
  const encoded = encodeStatus(message, details);
  return new StatusError(statusCodes.unknown, message, encoded.length <= maxDetailBytes ? encoded : undefined);
}

/** google.rpc.Status of a failed build. */
export const encodeStatus = (message: string, details: readonly Detail[]): Uint8Array =>
  statuses.encode({ code: statusCodes.unknown, message, details: [...details] });

const detail = (name: string, value: object): Detail => ({
  type_url: `github.com/moby/buildkit/errdefs.${name}+json`,
  value: Buffer.from(JSON.stringify(value)),
});

/** The lines of a Dockerfile that a failure comes from. */
export const sourceDetail = ({ source, lines }: Pick<Place, "source" | "lines">): Detail =>
  detail("Source", {
    info: { filename: source.name, data: Buffer.from(source.text).toString("base64"), language: "Dockerfile" },
    ranges: [{ start: { line: lines.first }, end: { line: lines.last } }],
  });

/** The part of the build that failed. */
export const vertexDetail = (digest: string): Detail => detail("Vertex", { digest });
