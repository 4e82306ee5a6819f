import { invalid } from "../../../base/error.ts";
import type { BaseSystemBuilder } from "../../../core/base-system.ts";
import { buildBusybox } from "./busybox.ts";
import { buildDebian } from "./debian.ts";
import { suites } from "./suites.ts";

/** Base systems from the packages of Debian and Ubuntu. */
export function createPackagesBootstrap(): BaseSystemBuilder {
  const names = [...Object.keys(suites), "busybox"];
  return {
    names,
    async build(request) {
      const suite = suites[request.name];
      if (suite) return buildDebian(suite, request);
      if (request.name === "busybox") return buildBusybox(request);
      throw invalid(`no base system "${request.name}"`, { hint: `there is ${names.join(", ")}` });
    },
  };
}
