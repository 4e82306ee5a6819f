import { runOk } from "../os/process.ts";

/** Installs Debian packages without a question asked. `onLine` hears of each step. */
export async function installPackages(packages: readonly string[], onLine: (line: string) => void): Promise<void> {
  if (packages.length === 0) return;
  const env = { ...(process.env as Record<string, string>), DEBIAN_FRONTEND: "noninteractive" };
  onLine("apt-get update");
  await runOk("apt-get", ["update", "-qq"], { env });
  onLine(`apt-get install ${packages.join(" ")}`);
  await runOk("apt-get", ["install", "-y", "-qq", "--no-install-recommends", ...packages], { env });
}
