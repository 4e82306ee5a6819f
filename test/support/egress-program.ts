/** Runs in a network namespace without a way out: hands each connection on to a socket of the file system. */
import { connect, createServer } from "node:net";

const [socket = "", port = ""] = process.argv.slice(2);

createServer((client) => {
  const outside = connect(socket);
  client.pipe(outside).pipe(client);
  client.on("error", () => outside.destroy());
  outside.on("error", () => client.destroy());
}).listen(Number(port), "0.0.0.0", () => console.log("ready"));
