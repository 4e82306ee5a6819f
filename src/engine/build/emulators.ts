import { unsupported } from "../../base/error.ts";
import { formatPlatform, hostPlatform, type Platform, parsePlatform } from "../../base/platform.ts";
import { findStage, type Stage } from "../../core/build/dockerfile.ts";
import { type Emulator, parseEmulator, whyNotRunnable } from "../../core/build/emulation.ts";
import { expandWord } from "../../core/build/expand.ts";
import type { BuildDeps } from "./deps.ts";
import type { PlatformPlan } from "./platform-plan.ts";
import type { BuildRequest } from "./request.ts";

/** Refuses steps for platforms that this machine cannot run, each by name. Without a RUN, every platform can be built. */
export function checkRunnable(deps: BuildDeps, { host }: BuildRequest, plans: readonly PlatformPlan[]): void {
  const platforms = new Map<string, Platform>();
  for (const plan of plans) {
    for (const stage of plan.plan.stages) {
      const platform = platformOfStage(plan, stage);
      const runs = stage.instructions.some(({ kind }) => kind === "run");
      if (runs) platforms.set(formatPlatform(platform), platform);
    }
  }
  const refused = [...platforms.values()].flatMap((platform) => refusal(deps, host, platform) ?? []);
  if (refused.length === 0) return;
  throw unsupported(refused.map(({ text }) => text).join("; "), { hint: refused[0]!.hint });
}

/** Refuses one step, such as an ONBUILD trigger, which no plan knows. */
export function checkRunnableHere(deps: BuildDeps, { host }: BuildRequest, platform: Platform): void {
  const refused = refusal(deps, host, platform);
  if (refused) throw unsupported(refused.text, { hint: refused.hint });
}

function refusal(
  deps: BuildDeps,
  { Runtime }: BuildRequest["host"],
  platform: Platform,
): { text: string; hint: string } | undefined {
  const here = hostPlatform();
  if (whyNotRunnable(platform, here, []) === undefined) return undefined;
  const isolation = deps.runtimes.get(Runtime || deps.settings.defaultRuntime)?.isolation ?? "container";
  const found =
    isolation === "container"
      ? whyNotRunnable(platform, here, registeredEmulators(deps))
      : { why: `this machine's emulators do not reach into a ${isolation}`, hint: "use --isolation container" };
  return found && { text: `cannot run steps for ${formatPlatform(platform)}: ${found.why}`, hint: found.hint };
}

const directory = "/proc/sys/fs/binfmt_misc";

const registeredEmulators = ({ machine }: BuildDeps): Emulator[] =>
  machine
    .listDirectory(directory)
    .filter((name) => name !== "register" && name !== "status")
    .flatMap((name) => parseEmulator(machine.readText(`${directory}/${name}`) ?? "") ?? []);

/** What its FROM says, else that of the stage it stands on, else what the build is for. */
function platformOfStage(plan: PlatformPlan, stage: Stage): Platform {
  const { dockerfile, globals, bases, platform } = plan;
  const asked = stage.from.platform && expandWord(stage.from.platform, globals, { escapeChar: dockerfile.escapeChar });
  if (asked) return parsePlatform(asked);
  const below = findStage(dockerfile.stages, bases.get(stage.index)!, stage.index);
  return below ? platformOfStage(plan, below) : platform;
}
