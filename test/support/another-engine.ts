import { busyboxRoot } from "./busybox-root.ts";
import type { TestDaemon } from "./daemon.ts";

/** The daemon begins again with nothing but the image busybox, as another engine would. */
export async function anotherEngine(daemon: TestDaemon): Promise<void> {
  await daemon.kill();
  const script = `umount -l ${daemon.dataRoot}/roots/*/merged 2>/dev/null; rm -rf ${daemon.dataRoot}`;
  await daemon.inNamespaces(["sh", "-c", script]);
  await daemon.restart();
  const query = { fromSrc: "-", repo: "busybox", tag: "latest", changes: `CMD ["sh"]` };
  await daemon.api.ok("POST", "/images/create", { query, body: await busyboxRoot() });
}
