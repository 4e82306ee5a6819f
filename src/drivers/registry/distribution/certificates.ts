import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { rootCertificates } from "node:tls";
import { isErrno } from "../../../base/error.ts";
import { readTextIfPresent } from "../../../os/files.ts";
import { defaultCertsDirs } from "./options.ts";

export interface TlsMaterial {
  readonly ca: string[];
  readonly cert?: string;
  readonly key?: string;
}

/** Certificates for a host from the first directory that has it: `*.crt` are trusted beside the system's, a
 * `NAME.cert` with its `NAME.key` is shown to the registry. */
export function certificatesFor(host: string, directories: readonly string[] = defaultCertsDirs): TlsMaterial {
  for (const directory of directories) {
    const found = join(directory, host);
    const names = listIfPresent(found);
    if (names.length > 0) return readMaterial(found, names);
  }
  return { ca: machineCertificates() };
}

const machineBundle = "/etc/ssl/certs/ca-certificates.crt";

/** What this machine trusts, its owner's additions included; the built-in list where it keeps no bundle. */
function machineCertificates(): string[] {
  const bundle = readTextIfPresent(machineBundle);
  return bundle === undefined ? [...rootCertificates] : [bundle];
}

function readMaterial(directory: string, names: readonly string[]): TlsMaterial {
  const text = (name: string): string => readFileSync(join(directory, name), "utf8");
  const ca = names.filter((name) => name.endsWith(".crt")).map(text);
  const client = names.find((name) => name.endsWith(".cert") && names.includes(name.replace(/cert$/, "key")));
  return {
    ca: [...machineCertificates(), ...ca],
    ...(client && { cert: text(client), key: text(client.replace(/cert$/, "key")) }),
  };
}

function listIfPresent(directory: string): string[] {
  try {
    return readdirSync(directory).sort();
  } catch (error) {
    if (isErrno(error, "ENOENT", "ENOTDIR")) return [];
    throw error;
  }
}
