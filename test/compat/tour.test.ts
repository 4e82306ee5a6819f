import { afterAll, beforeAll, expect, test } from "bun:test";
import { startDaemon, type TestDaemon } from "../support/daemon.ts";
import type { CommandResult } from "../support/namespaces.ts";

let daemon: TestDaemon;
beforeAll(async () => {
  daemon = await startDaemon();
});
afterAll(() => daemon.stop());

/** Each step is one command line, without the program's name; both clients run all of them, in this order. */
const tour: readonly string[] = [
  "images --format {{.Repository}}:{{.Tag}}",
  "run --rm busybox echo hello",
  "run --rm -e A=1 -w /var/data busybox sh -c pwd",
  "run --rm busybox false",
  "run --rm busybox no-such-program",
  "run -d --name one --label team=red busybox sleep 3600",
  "ps --format {{.Names}}|{{.Image}}|{{.Command}}",
  "ps -q --no-trunc --filter label=team=red",
  "ps -a --filter name=nobody --format {{.Names}}",
  "inspect --format {{.Name}}|{{.State.Status}}|{{.Config.Image}} one",
  "exec one echo inside",
  "exec -e B=2 -w /tmp one sh -c pwd",
  "exec one sh -c false",
  "exec one missing-program",
  "top one -o pid,comm",
  "port one",
  "pause one",
  "ps --format {{.Names}}|{{.State}}",
  "unpause one",
  "rename one uno",
  "diff uno",
  "update --memory 64m --memory-swap 64m uno",
  "inspect --format {{.HostConfig.Memory}} uno",
  "stop -t 0 uno",
  "ps -a --format {{.Names}}|{{.State}}",
  "start uno",
  "restart -t 0 uno",
  "kill uno",
  "wait uno",
  "logs uno",
  "commit -m note uno made:1",
  "history --format {{.Comment}} made:1",
  "tag made:1 made:2",
  "images --format {{.Repository}}:{{.Tag}} made",
  "rmi made:2",
  "run --name talk busybox sh -c echo_nothing",
  "logs talk",
  "rm talk",
  "run --name lines busybox seq 1 5",
  "logs --tail 2 lines",
  "logs --tail nothing lines",
  "volume create store",
  "volume ls --format {{.Driver}}|{{.Name}}",
  "run --rm -v store:/s busybox touch /s/file",
  "run --rm -v store:/s:ro busybox ls /s",
  "volume inspect --format {{.Name}}|{{.Scope}} store",
  "volume rm store",
  "volume rm store",
  "network ls --format {{.Name}}|{{.Driver}}",
  "create --name made busybox true",
  "start -a made",
  "rm made lines uno",
  "rm absent",
  "inspect absent",
  "run --rm absent:latest true",
  "stop absent",
  "rmi made:1",
  "images -q made",
  "run --rm --memory 1k busybox true",
  "run --rm --name bad/name busybox true",
  "version --format {{.Server.APIVersion}}",
  "info --format {{.OSType}}|{{.Driver}}",
];

/** What changes from run to run, under names that do not. */
function normalised(text: string): string {
  return text
    .replace(/\b[0-9a-f]{64}\b/g, "ID")
    .replace(/\b[0-9a-f]{12}\b/g, "SHORTID")
    .replace(/(^|\n)\s*\d+ +(?=\w)/g, "$1PID ")
    .replace(/^(docker|isle): /gm, "CLI: ")
    .replace(/\b(docker|isle) (run|create|inspect|rm|stop|exec|--help|logs|\w+ --help)/g, "CLI $2")
    .replace(/'(docker|isle)/g, "'CLI")
    .trim();
}

async function walk(client: TestDaemon["cli"]): Promise<Map<string, CommandResult>> {
  const results = new Map<string, CommandResult>();
  for (const [index, step] of tour.entries()) {
    const { exitCode, stdout, stderr } = await client(step.split(" "));
    results.set(`${index} ${step}`, { exitCode, stdout: normalised(stdout), stderr: normalised(stderr) });
  }
  return results;
}

test(`a tour of ${tour.length} commands says the same through docker and through isle`, async () => {
  const throughDocker = await walk(daemon.docker);
  const throughIsle = await walk(daemon.cli);
  const differences = [...throughDocker].flatMap(([step, docker]) => {
    const isle = throughIsle.get(step)!;
    return Bun.deepEquals(docker, isle) ? [] : [{ step, docker, isle }];
  });
  expect(differences).toEqual([]);
  expect(throughDocker.get("1 run --rm busybox echo hello")).toEqual({ exitCode: 0, stdout: "hello", stderr: "" });
}, 60_000);
