import { expect, test } from "bun:test";
import { boundedBody } from "./fetch-url.ts";

async function taken(response: Response, maxBytes: number): Promise<number> {
  let bytes = 0;
  for await (const chunk of boundedBody("http://me:secret@host/f", response, maxBytes)) bytes += chunk.length;
  return bytes;
}

/** A server that does not say how much there is, and has no end. */
function endless(onCancel: () => void): Response {
  const body = new ReadableStream<Uint8Array>({
    pull: (controller) => controller.enqueue(new Uint8Array(10)),
    cancel: onCancel,
  });
  return new Response(body);
}

test("a download ends at the limit, and the server's sending with it", async () => {
  let isCancelled = false;
  const error = await taken(
    endless(() => {
      isCancelled = true;
    }),
    95,
  ).catch((why) => why);
  expect(error.message).toStartWith("http://xxxxx@host/f is larger than 95B");
  expect(error.hint).toContain("build-download-limit");
  expect(isCancelled).toBe(true);
});

test("what a server announces is believed when it is too much", async () => {
  const response = new Response("0123456789", { headers: { "content-length": "10" } });
  expect(await taken(response, 9).catch((why) => why.code)).toBe("invalid");
  expect(await taken(new Response("0123456789"), 10)).toBe(10);
  expect(await taken(new Response(null), 0)).toBe(0);
});
