import { createPrivateKey, type KeyObject, sign } from "node:crypto";
import { WireReader, wireInteger, wireString } from "./ssh-wire.ts";

/** A key that signs as SSH wants it. */
export interface SshKey {
  /** The public key in SSH's form. */
  readonly publicKey: Buffer;
  readonly comment: string;
  /** `flags` are those of the agent's protocol. */
  sign(data: Uint8Array, flags: number): Buffer;
}

/** Reads a private key of OpenSSH's own form or in PEM. Throws an Error for one that is locked by a passphrase, or no key. */
export function readSshKey(text: string): SshKey {
  const inside = /-----BEGIN OPENSSH PRIVATE KEY-----([\s\S]+?)-----END/.exec(text)?.[1];
  if (inside !== undefined) return fromOpenssh(Buffer.from(inside, "base64"));
  if (/ENCRYPTED/.test(text)) throw locked();
  const key = createPrivateKey(text);
  return keyOf(key, "");
}

const locked = () => new Error("it is locked by a passphrase: add it to an agent with ssh-add");

const magic = "openssh-key-v1\0";

function fromOpenssh(bytes: Buffer): SshKey {
  const reader = new WireReader(bytes);
  if (reader.take(magic.length).toString("latin1") !== magic) throw new Error("it is no private key");
  const cipher = reader.string().toString();
  reader.string();
  reader.string();
  if (cipher !== "none") throw locked();
  if (reader.number() !== 1) throw new Error("it holds more than one key");
  reader.string();
  const inner = new WireReader(reader.string());
  inner.take(8);
  const jwk = readJwk(inner.string().toString(), inner);
  return keyOf(createPrivateKey({ key: jwk, format: "jwk" }), inner.string().toString());
}

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64url");

const curves: Readonly<Record<string, { readonly crv: string; readonly hash: string }>> = {
  nistp256: { crv: "P-256", hash: "sha256" },
  nistp384: { crv: "P-384", hash: "sha384" },
  nistp521: { crv: "P-521", hash: "sha512" },
};

function readJwk(type: string, reader: WireReader): Record<string, string> {
  if (type === "ssh-ed25519") {
    const x = reader.string();
    return { kty: "OKP", crv: "Ed25519", x: base64(x), d: base64(reader.string().subarray(0, 32)) };
  }
  if (type === "ssh-rsa") {
    const [n, e, d, qi, p, q] = Array.from({ length: 6 }, () => reader.integer()) as [
      Buffer,
      Buffer,
      Buffer,
      Buffer,
      Buffer,
      Buffer,
    ];
    const exponent = (prime: Buffer) => bytesOf(numberOf(d) % (numberOf(prime) - 1n));
    const all = { n, e, d, qi, p, q, dp: exponent(p), dq: exponent(q) };
    return { kty: "RSA", ...Object.fromEntries(Object.entries(all).map(([name, bytes]) => [name, base64(bytes)])) };
  }
  const curve = curves[type.replace("ecdsa-sha2-", "")];
  if (!curve) throw new Error(`keys of type ${type} are not read: add it to an agent with ssh-add`);
  reader.string();
  const point = reader.string();
  const half = (point.length - 1) / 2;
  const d = reader.integer();
  const [x, y] = [point.subarray(1, 1 + half), point.subarray(1 + half)];
  const padded = Buffer.concat([Buffer.alloc(Math.max(0, half - d.length)), d]);
  return { kty: "EC", crv: curve.crv, x: base64(x), y: base64(y), d: base64(padded) };
}

const numberOf = (bytes: Buffer): bigint => BigInt(`0x${bytes.toString("hex")}`);

function bytesOf(value: bigint): Buffer {
  const hex = value.toString(16);
  return Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, "hex");
}

function keyOf(key: KeyObject, comment: string): SshKey {
  const jwk = key.export({ format: "jwk" });
  const part = (name: "n" | "e" | "x" | "y"): Buffer => Buffer.from(jwk[name] ?? "", "base64url");
  if (jwk.kty === "RSA") return rsaKey(key, comment, Buffer.concat([wireInteger(part("e")), wireInteger(part("n"))]));
  if (jwk.kty === "OKP" && jwk.crv === "Ed25519") {
    const type = wireString("ssh-ed25519");
    const publicKey = Buffer.concat([type, wireString(part("x"))]);
    return { publicKey, comment, sign: (data) => Buffer.concat([type, wireString(sign(null, data, key))]) };
  }
  const found = Object.entries(curves).find(([, { crv }]) => crv === jwk.crv);
  if (!found) throw new Error("keys of this type are not read: add it to an agent with ssh-add");
  return ecKey(key, comment, {
    name: found[0],
    hash: found[1].hash,
    point: Buffer.concat([Buffer.from([4]), part("x"), part("y")]),
  });
}

const flagSha256 = 2;
const flagSha512 = 4;

function rsaKey(key: KeyObject, comment: string, numbers: Buffer): SshKey {
  return {
    publicKey: Buffer.concat([wireString("ssh-rsa"), numbers]),
    comment,
    sign(data, flags) {
      const [type, hash] =
        flags & flagSha512
          ? ["rsa-sha2-512", "sha512"]
          : flags & flagSha256
            ? ["rsa-sha2-256", "sha256"]
            : ["ssh-rsa", "sha1"];
      return Buffer.concat([wireString(type!), wireString(sign(hash, data, key))]);
    },
  };
}

function ecKey(key: KeyObject, comment: string, curve: { name: string; hash: string; point: Buffer }): SshKey {
  const type = wireString(`ecdsa-sha2-${curve.name}`);
  return {
    publicKey: Buffer.concat([type, wireString(curve.name), wireString(curve.point)]),
    comment,
    sign(data) {
      const pair = sign(curve.hash, data, { key, dsaEncoding: "ieee-p1363" });
      const half = pair.length / 2;
      const numbers = Buffer.concat([wireInteger(pair.subarray(0, half)), wireInteger(pair.subarray(half))]);
      return Buffer.concat([type, wireString(numbers)]);
    },
  };
}
