/**
 * Serves the files of a directory over http until standard input ends: `bun file-server-program.ts DIRECTORY PORT TOKEN`.
 * What lies below /private/ wants the token, and /redirect/ leads to a file of the machine.
 */
import { join, normalize } from "node:path";

const [directory = "", port = "", token = ""] = process.argv.slice(2);
const wanted = `basic ${Buffer.from(`x-access-token:${token}`).toString("base64")}`;

Bun.serve({
  hostname: "127.0.0.1",
  port: Number(port),
  async fetch(request) {
    const path = normalize(decodeURIComponent(new URL(request.url).pathname));
    if (path.startsWith("/redirect/")) {
      return new Response(null, { status: 302, headers: { Location: "file:///etc/passwd" } });
    }
    if (path.startsWith("/private/") && request.headers.get("authorization") !== wanted) {
      return new Response(null, { status: 401, headers: { "WWW-Authenticate": "Basic" } });
    }
    const file = Bun.file(join(directory, path));
    return (await file.exists()) ? new Response(file) : new Response(null, { status: 404 });
  },
});
console.log("ready");
process.stdin.on("end", () => process.exit(0)).resume();
