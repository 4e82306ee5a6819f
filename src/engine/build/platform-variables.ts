import { formatPlatform, hostPlatform, type Platform } from "../../base/platform.ts";
import { atLines, type Dockerfile } from "../../core/build/dockerfile.ts";
import { expandWord, type Variables } from "../../core/build/expand.ts";

/** Variables that FROM lines have and that stages get by naming them in an ARG. */
export function platformVariables(target: Platform): Variables {
  const of = (prefix: string, platform: Platform): Array<[string, string]> => [
    [`${prefix}PLATFORM`, formatPlatform(platform)],
    [`${prefix}OS`, platform.os],
    [`${prefix}ARCH`, platform.architecture],
    [`${prefix}VARIANT`, platform.variant ?? ""],
  ];
  return new Map([...of("TARGET", target), ...of("BUILD", hostPlatform())]);
}

/** The ARGs before the first FROM: the client's values, else their defaults, each seeing those before it. */
export function globalVariables(
  { source, globalArgs, escapeChar }: Dockerfile,
  given: ReadonlyMap<string, string | undefined>,
  platform: Variables,
): Variables {
  const variables = new Map(platform);
  for (const { args, lines } of globalArgs) {
    for (const { name, value } of args) {
      const chosen =
        given.get(name) ?? atLines(source, lines, () => value && expandWord(value, variables, { escapeChar }));
      if (chosen !== undefined) variables.set(name, chosen);
      else if (!platform.has(name)) variables.delete(name);
    }
  }
  return variables;
}

/** Set by many clients for steps that fetch; known without an ARG and never part of the cache's keys. */
export const proxyVariables: ReadonlySet<string> = new Set(
  ["http_proxy", "https_proxy", "ftp_proxy", "no_proxy", "all_proxy"].flatMap((name) => [name, name.toUpperCase()]),
);
