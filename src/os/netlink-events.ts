import { check, libc } from "./libc.ts";

const afNetlink = 16;
const rawCloseOnExec = 3 | 0o2000000;
const nonBlocking = 0o4000;
const protocol = { route: 0, netfilter: 12 } as const;
const solNetlink = 270;
const addMembership = 1;
const group = { link: 1, rulesets: 7 } as const;
const deletedLink = 17;
const bridgeFamily = 7;
const interfaceNameAttribute = 3;

export interface Watch {
  close(): void;
}

/** Calls back with the name of each interface that is deleted in this network namespace; empty when news were lost. */
export function watchDeletedLinks(onDeleted: (name: string) => void): Watch {
  return watchGroup(protocol.route, group.link, (news) => {
    if (!news) return onDeleted("");
    for (const { type, body } of messagesOf(news)) {
      // With the family of bridges it tells that an interface left one, not that it is gone.
      if (type === deletedLink && body[0] !== bridgeFamily) onDeleted(nameOf(body));
    }
  });
}

/** Calls back after each change of the packet filter's rules, whoever made it. */
export const watchRulesets = (onChange: () => void): Watch => watchGroup(protocol.netfilter, group.rulesets, onChange);

function watchGroup(family: number, member: number, onNews: (news: Buffer | undefined) => void): Watch {
  let closed = false;
  let reader: { cancel(): Promise<void> } | undefined;
  const follow = async (): Promise<void> => {
    const socket = openSocket(family, rawCloseOnExec | nonBlocking);
    check(libc.setsockopt(socket, solNetlink, addMembership, new Int32Array([member]), 4), "setsockopt");
    const stream = Bun.file(socket).stream().getReader();
    reader = stream;
    try {
      for (;;) {
        const { value, done } = await stream.read();
        if (done || closed) return;
        onNews(Buffer.from(value));
      }
    } finally {
      libc.close(socket);
    }
  };
  // The kernel drops news when nobody reads them in time: what was missed must be looked for.
  const again = () => {
    if (closed) return;
    onNews(undefined);
    setTimeout(run, 1000).unref();
  };
  const run = () => void (closed ? undefined : follow().then(again, again));
  run();
  return {
    close() {
      closed = true;
      void reader?.cancel().catch(() => {});
    },
  };
}

function openSocket(family: number, type: number): number {
  const socket = check(libc.socket(afNetlink, type, family), "socket");
  const address = Buffer.alloc(12);
  address.writeUInt16LE(afNetlink, 0);
  check(libc.bind(socket, address, address.length), "bind");
  return socket;
}

function messagesOf(news: Buffer): Array<{ type: number; body: Buffer }> {
  const messages: Array<{ type: number; body: Buffer }> = [];
  for (let at = 0; at + 16 <= news.length; ) {
    const length = news.readUInt32LE(at);
    if (length < 16) break;
    messages.push({ type: news.readUInt16LE(at + 4), body: news.subarray(at + 16, at + length) });
    at += (length + 3) & ~3;
  }
  return messages;
}

/** The name among the attributes after an interface message's head. */
function nameOf(body: Buffer): string {
  for (let at = 16; at + 4 <= body.length; ) {
    const length = body.readUInt16LE(at);
    if (length < 4) break;
    if (body.readUInt16LE(at + 2) === interfaceNameAttribute) {
      return body.toString("utf8", at + 4, at + length - 1);
    }
    at += (length + 3) & ~3;
  }
  return "";
}

const getGeneration = (10 << 8) | 16;
const request = 1;

/** Number of the present rules of the packet filter; each change by anybody adds one. */
export function rulesetGeneration(): number {
  const socket = openSocket(protocol.netfilter, rawCloseOnExec);
  try {
    const query = Buffer.alloc(20);
    query.writeUInt32LE(20, 0);
    query.writeUInt16LE(getGeneration, 4);
    query.writeUInt16LE(request, 6);
    check(libc.send(socket, query, BigInt(query.length), 0), "netlink send");
    const reply = Buffer.alloc(4096);
    const length = Number(check(libc.recv(socket, reply, BigInt(reply.length), 0), "netlink recv"));
    const generationAttribute = 1;
    return length >= 28 && reply.readUInt16LE(22) === generationAttribute ? reply.readUInt32BE(24) : 0;
  } finally {
    libc.close(socket);
  }
}
