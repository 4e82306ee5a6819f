import type { InstructionOf } from "../../core/build/instruction.ts";
import type { MappedUsers } from "../../core/mapped-users.ts";
import type { Build } from "./build.ts";

/**
 * Whose users those of a step are: nobody's on this machine wherever that can be. Undefined where they are the machine's own:
 * as asked for, where this machine cannot do it, and for what a namespace of users would take away.
 */
export async function stepUsers({ deps, request }: Build, run: InstructionOf<"run">): Promise<MappedUsers | undefined> {
  const { host } = request;
  const network = run.network ?? host.NetworkMode ?? "default";
  const sharesNetwork = network === "host" || network.startsWith("container:");
  const runtime = deps.runtimes.get(host.Runtime ?? deps.settings.defaultRuntime);
  if (host.UsernsMode === "host" || run.security === "insecure" || sharesNetwork || !runtime?.mapsUsers)
    return undefined;
  return await deps.mappedUsers.ready();
}
