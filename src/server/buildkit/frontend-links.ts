import { unsupported } from "../../base/error.ts";
import type { ImageConfigFile } from "../../core/image.ts";
import { type DefinedSource, type Definition, sourceOf } from "./definitions.ts";
import { isLinked } from "./linked-results.ts";

type Texts = Readonly<Record<string, string>>;

/** What another build has made, by the name this one gives it. */
export interface Link {
  readonly identifier: string;
  /** As the client tells it of that build. */
  readonly config: ImageConfigFile | undefined;
}

export interface LinkedAttributes {
  /** With the sources themselves instead of the words that stand for inputs. */
  readonly attributes: Texts;
  readonly links: ReadonlyMap<string, Link>;
}

const contextPrefix = "context:";
const inputPrefix = "input:";
/** Inputs of these names stand for the context itself. */
const wholeContext = "context";
const ownDockerfile = "dockerfile";

/** Finds what the inputs of a frontend stand for. Refuses those that describe more than where something comes from. */
export function linkedAttributes(attributes: Texts, inputs: Readonly<Record<string, Definition>>): LinkedAttributes {
  const links = new Map<string, Link>();
  const found: Record<string, string> = {};
  for (const [key, value] of Object.entries(attributes)) {
    const isInput = key.startsWith(contextPrefix) && value.startsWith(inputPrefix);
    const input = value.slice(inputPrefix.length);
    if (!isInput) found[key] = value;
    else {
      const name = key.slice(contextPrefix.length);
      const { identifier, url } = readInput(input, inputs[input]);
      if (url === undefined) links.set(name, { identifier, config: configOf(attributes[`input-metadata:${input}`]) });
      else found[key] = url;
    }
  }
  const whole = inputs[wholeContext];
  if (whole === undefined) return { attributes: found, links };
  const { url } = readInput(wholeContext, whole);
  if (url === undefined) throw unsupported("another build's result as the whole context", nameIt);
  const dockerfile = inputs[ownDockerfile] && readInput(ownDockerfile, inputs[ownDockerfile]).url;
  if (dockerfile !== undefined && dockerfile !== url) {
    throw unsupported(`a Dockerfile from ${dockerfile} for the context ${url}`, { hint: "keep both in one place" });
  }
  return { attributes: { ...found, context: url }, links };
}

const nameIt = { hint: "give it a name in contexts, and take files with COPY --from=NAME" };

function readInput(name: string, definition: Definition | undefined): { identifier: string; url: string | undefined } {
  if (definition === undefined) throw unsupported(`the input ${name}, which the client did not send`);
  const source = sourceOf(definition);
  if (source === undefined) {
    throw unsupported(`the input ${name}, which is described by LLB`, {
      hint: "inputs are results of other targets, repositories, URLs, directories and images",
    });
  }
  return { identifier: source.identifier, url: isLinked(source.identifier) ? undefined : urlOf(source) };
}

/** As named contexts and contexts are written. */
export function urlOf({ identifier, attrs }: DefinedSource): string {
  if (identifier.startsWith("local://")) return `local:${identifier.slice("local://".length)}`;
  if (!identifier.startsWith("git://")) return identifier;
  const full = attrs["git.fullurl"];
  const at = identifier.indexOf("#");
  return full ? `${full}${at === -1 ? "" : identifier.slice(at)}` : identifier;
}

function configOf(metadata: string | undefined): ImageConfigFile | undefined {
  if (metadata === undefined) return undefined;
  try {
    const config = (JSON.parse(metadata) as Record<string, string>)["containerimage.config"];
    return config === undefined ? undefined : JSON.parse(Buffer.from(config, "base64").toString());
  } catch {
    return undefined;
  }
}
