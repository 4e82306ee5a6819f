import type { Client } from "../../client/client.ts";
import { ResponseError } from "../../client/errors.ts";
import { usageError } from "../exit.ts";

export interface FindOptions {
  /** Empty for any type. */
  readonly type: string;
  readonly size: boolean;
}

const paths: Record<string, (name: string) => string> = {
  container: (name) => `/containers/${encodeURIComponent(name)}/json`,
  image: (name) => `/images/${name.split("/").map(encodeURIComponent).join("/")}/json`,
  network: (name) => `/networks/${encodeURIComponent(name)}`,
  volume: (name) => `/volumes/${encodeURIComponent(name)}`,
};

/** The JSON of the container, image, network or volume of that name, whichever is found first. */
export async function findObject(client: Client, name: string, { type, size }: FindOptions): Promise<string> {
  if (type !== "" && !Object.hasOwn(paths, type)) throw usageError(`unknown type: ${JSON.stringify(type)}`);
  const ask = (kind: string) =>
    client.text("GET", paths[kind]!(name), { query: { size: size && kind === "container" } });
  if (type !== "") return ask(type);
  for (const kind of Object.keys(paths)) {
    try {
      return await ask(kind);
    } catch (error) {
      if (!(error instanceof ResponseError) || error.status !== 404) throw error;
    }
  }
  throw usageError(`Error: No such object: ${name}`);
}
