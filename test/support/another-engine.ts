import { busyboxRoot } from "./busybox-root.ts";
import type { TestDaemon } from "./daemon.ts";

/** The daemon begins again with nothing but the image busybox, as another engine would. */
export async function anotherEngine(daemon: TestDaemon): Promise<void> {
  await daemon.kill();
  const mounts = `awk -v top=${daemon.dataRoot}/ 'index($2, top) == 1 { print $2 }' /proc/self/mounts | tac`;
  const script = `${mounts} | xargs -r umount -l; rm -rf ${daemon.dataRoot}`;
  const { exitCode, stderr } = await daemon.inNamespaces(["sh", "-c", script]);
  if (exitCode !== 0) throw new Error(`emptying ${daemon.dataRoot}: ${stderr}`);
  await daemon.restart();
  const query = { fromSrc: "-", repo: "busybox", tag: "latest", changes: `CMD ["sh"]` };
  await daemon.api.ok("POST", "/images/create", { query, body: await busyboxRoot() });
}
