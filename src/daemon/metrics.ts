import { isRunning } from "../core/instance.ts";
import type { InstanceDeps } from "../engine/instance/deps.ts";

interface RouteFigures {
  count: number;
  seconds: number;
}

/** Figures of the daemon itself, for Prometheus. */
export class Metrics {
  readonly #routes = new Map<string, RouteFigures>();

  request({
    method,
    route,
    status,
    seconds,
  }: {
    method: string;
    route: string;
    status: number;
    seconds: number;
  }): void {
    const key = `method="${method}",route="${route}",status="${status}"`;
    const figures = this.#routes.get(key) ?? { count: 0, seconds: 0 };
    figures.count += 1;
    figures.seconds += seconds;
    this.#routes.set(key, figures);
  }

  text(deps: InstanceDeps): string {
    const records = deps.instances.list();
    const running = records.filter(isRunning).length;
    return [
      "# HELP isle_instances Instances by state.",
      "# TYPE isle_instances gauge",
      `isle_instances{state="running"} ${running}`,
      `isle_instances{state="stopped"} ${records.length - running}`,
      "# HELP isle_images Images in the store.",
      "# TYPE isle_images gauge",
      `isle_images ${deps.images.list().length}`,
      "# HELP isle_resident_memory_bytes Memory of the daemon.",
      "# TYPE isle_resident_memory_bytes gauge",
      `isle_resident_memory_bytes ${process.memoryUsage.rss()}`,
      "# HELP isle_http_requests_total Requests answered.",
      "# TYPE isle_http_requests_total counter",
      ...[...this.#routes].map(([labels, { count }]) => `isle_http_requests_total{${labels}} ${count}`),
      "# HELP isle_http_request_seconds_total Time spent on requests.",
      "# TYPE isle_http_request_seconds_total counter",
      ...[...this.#routes].map(
        ([labels, { seconds }]) => `isle_http_request_seconds_total{${labels}} ${seconds.toFixed(6)}`,
      ),
      "",
    ].join("\n");
  }
}
