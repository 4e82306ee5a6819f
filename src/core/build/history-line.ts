import type { ImageHealthcheck } from "../image.ts";
import { type Expansion, expandAll, expandEach, expandPairs, exposedPorts, type StageConfig } from "./image-config.ts";
import type { Instruction } from "./instruction.ts";

/**
 * The line that an instruction without files of its own leaves in the image's history: BuildKit prints the values as Go does.
 * `config` is the one it has made; undefined where nothing is said.
 */
export function historyLine(instruction: Instruction, config: StageConfig, expansion: Expansion): string | undefined {
  const keyword = instruction.kind.toUpperCase();
  const { run } = config;
  switch (instruction.kind) {
    case "env":
    case "label":
      return `${keyword} ${expandPairs(instruction.pairs, expansion)
        .map(([name, value]) => `${name}=${value}`)
        .join(" ")}`;
    case "cmd":
      return `CMD ${quotedList(run.Cmd)}`;
    case "entrypoint":
      return `ENTRYPOINT ${quotedList(run.Entrypoint)}`;
    case "shell":
      return `SHELL [${instruction.words.join(" ")}]`;
    case "expose":
      return `EXPOSE [${expandAll(instruction.words, expansion).flatMap(exposedPorts).sort().join(" ")}]`;
    case "volume":
      return `VOLUME [${expandEach(instruction.words, expansion).join(" ")}]`;
    case "healthcheck":
      return `HEALTHCHECK ${quotedCheck(instruction.check)}`;
    case "user":
      return `USER ${run.User}`;
    case "stopsignal":
      return `STOPSIGNAL ${run.StopSignal}`;
    case "maintainer":
      return `MAINTAINER ${config.author}`;
    case "onbuild":
      return undefined;
    default:
      return instruction.written;
  }
}

const quotedList = (words: readonly string[] | null | undefined): string => `[${(words ?? []).map(quoted).join(" ")}]`;

function quotedCheck({ Test, Interval, Timeout, StartPeriod, StartInterval, Retries }: ImageHealthcheck): string {
  const times = [Interval, Timeout, StartPeriod, StartInterval].map((nanos) => `"${duration(nanos ?? 0)}"`);
  return `&{${quotedList(Test)} ${times.join(" ")} ${quotedRune(Retries ?? 0)}}`;
}

/** A number prints as the character of that code. */
const quotedRune = (code: number): string => {
  const inside = quoted(String.fromCodePoint(code)).slice(1, -1);
  return `'${{ '\\"': '"', "'": "\\'" }[inside] ?? inside}'`;
};

/** A text in Go's quotes, which know other short forms of control characters than JSON's. */
const quoted = (text: string): string =>
  JSON.stringify(text).replace(/\\u00([01][\da-f])|\x7f/g, (_, hex: string | undefined) => {
    const code = hex ?? "7f";
    return { "07": "\\a", "0b": "\\v" }[code] ?? `\\x${code}`;
  });

/** `1m0s`, `1.5s`, `100ms`. */
function duration(nanos: number): string {
  if (nanos === 0) return "0s";
  if (nanos < 1e9) return nanos < 1e3 ? `${nanos}ns` : nanos < 1e6 ? `${nanos / 1e3}µs` : `${nanos / 1e6}ms`;
  const [hours, minutes] = [Math.floor(nanos / 3600e9), Math.floor(nanos / 60e9) % 60];
  const seconds = `${(nanos % 60e9) / 1e9}s`;
  if (hours > 0) return `${hours}h${minutes}m${seconds}`;
  return minutes > 0 ? `${minutes}m${seconds}` : seconds;
}
