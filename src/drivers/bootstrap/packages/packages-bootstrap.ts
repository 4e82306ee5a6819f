import { invalid } from "../../../base/error.ts";
import type { BaseSystemBuilder } from "../../../core/base-system.ts";
import { buildBusybox } from "./busybox.ts";
import { buildDebian } from "./debian.ts";
import { suites } from "./suites.ts";

/** Debian's policy for names of packages. */
const packageName = /^[a-z0-9][a-z0-9+.-]+$/;

/** Base systems from the packages of Debian and Ubuntu. */
export function createPackagesBootstrap(): BaseSystemBuilder {
  const names = [...Object.keys(suites), "busybox"];
  return {
    names,
    async build(request) {
      const bad = request.packages.find((name) => !packageName.test(name));
      if (bad !== undefined) throw invalid(`invalid package name "${bad}"`);
      const suite = suites[request.name];
      if (suite) return buildDebian(suite, request);
      if (request.name === "busybox") {
        if (request.packages.length > 0) throw invalid("busybox is one program: it takes no packages");
        return buildBusybox(request);
      }
      throw invalid(`no base system "${request.name}"`, { hint: `there is ${names.join(", ")}` });
    },
  };
}
