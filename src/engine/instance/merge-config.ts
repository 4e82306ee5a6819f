import type { ContainerConfig } from "../../api/generated/engine-api.ts";
import { invalid } from "../../base/error.ts";
import type { ImageRunConfig } from "../../core/image.ts";

/** The request's config with what the image says filled in, by Docker's rules. */
export function mergeConfig(asked: ContainerConfig, image: ImageRunConfig, id: string): ContainerConfig {
  const command = mergeCommand(asked, image);
  if (command.Entrypoint.length + command.Cmd.length === 0) throw invalid("no command specified");
  return {
    ...asked,
    ...withDefaults(asked),
    Entrypoint: command.Entrypoint.length > 0 ? command.Entrypoint : null,
    Cmd: command.Cmd.length > 0 ? command.Cmd : null,
    Hostname: asked.Hostname || id.slice(0, 12),
    User: asked.User || image.User || "",
    WorkingDir: asked.WorkingDir || image.WorkingDir || "",
    Env: mergeEnv(asked.Env ?? [], image.Env ?? []),
    Labels: { ...image.Labels, ...asked.Labels },
    Volumes: nonEmpty({ ...image.Volumes, ...asked.Volumes }),
    OnBuild: image.OnBuild ?? null,
    ...mergeOptional(asked, image),
  };
}

const withDefaults = (asked: ContainerConfig): ContainerConfig => ({
  Domainname: asked.Domainname ?? "",
  AttachStdin: asked.AttachStdin ?? false,
  AttachStdout: asked.AttachStdout ?? false,
  AttachStderr: asked.AttachStderr ?? false,
  Tty: asked.Tty ?? false,
  OpenStdin: asked.OpenStdin ?? false,
  StdinOnce: asked.StdinOnce ?? false,
});

function mergeCommand(asked: ContainerConfig, image: ImageRunConfig): { Entrypoint: string[]; Cmd: string[] } {
  const given = asked.Entrypoint ?? [];
  // `--entrypoint ""` clears the image's entrypoint: clients send one empty word.
  if (given.length === 1 && given[0] === "") return { Entrypoint: [], Cmd: asked.Cmd ?? [] };
  if (given.length > 0) return { Entrypoint: given, Cmd: asked.Cmd ?? [] };
  return {
    Entrypoint: image.Entrypoint ?? [],
    Cmd: asked.Cmd?.length ? asked.Cmd : (image.Cmd ?? []),
  };
}

/** Members that are shown only when somebody set them. */
function mergeOptional(asked: ContainerConfig, image: ImageRunConfig): ContainerConfig {
  const ports = nonEmpty({ ...image.ExposedPorts, ...asked.ExposedPorts });
  const stopSignal = asked.StopSignal || image.StopSignal;
  const shell = asked.Shell ?? image.Shell;
  const healthcheck = mergeHealthcheck(asked.Healthcheck, image.Healthcheck);
  return {
    ...(ports && { ExposedPorts: ports as Record<string, object> as NonNullable<ContainerConfig["ExposedPorts"]> }),
    ...(stopSignal && { StopSignal: stopSignal }),
    ...(shell?.length && { Shell: shell }),
    ...(healthcheck && { Healthcheck: healthcheck }),
  };
}

function mergeHealthcheck(
  asked: ContainerConfig["Healthcheck"],
  image: ImageRunConfig["Healthcheck"],
): ContainerConfig["Healthcheck"] {
  if (!asked) return image;
  return {
    Test: asked.Test?.length ? asked.Test : (image?.Test ?? null),
    Interval: asked.Interval || image?.Interval || 0,
    Timeout: asked.Timeout || image?.Timeout || 0,
    StartPeriod: asked.StartPeriod || image?.StartPeriod || 0,
    StartInterval: asked.StartInterval || image?.StartInterval || 0,
    Retries: asked.Retries || image?.Retries || 0,
  };
}

/** The request's variables, then those of the image that it does not set. */
function mergeEnv(asked: readonly string[], image: readonly string[]): string[] {
  const names = new Set(asked.map((entry) => entry.split("=", 1)[0]));
  return [...asked, ...image.filter((entry) => !names.has(entry.split("=", 1)[0]))];
}

const nonEmpty = <T extends object>(value: T): T | null => (Object.keys(value).length > 0 ? value : null);
