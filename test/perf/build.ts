import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { buildCorpus } from "../compat/build-corpus.ts";
import { writeContext } from "../compat/corpus-build.ts";
import { type Scenario, timed } from "./scenarios.ts";
import type { Side } from "./side.ts";

const inside = "/var/tmp/bench-build";

/** A directory of the side's own, as this process reaches it. */
const outside = (side: Side, path = ""): string => join(`/proc/${side.root}/root`, inside, path);

function write(side: Side, files: Readonly<Record<string, string>>): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(outside(side, path)), { recursive: true });
    writeFileSync(outside(side, path), text);
  }
}

/** A Node project's Dockerfile, with what npm would do done by busybox. */
const project: Readonly<Record<string, string>> = {
  "node/Dockerfile": [
    "FROM busybox AS deps",
    "WORKDIR /app",
    "COPY package.json ./",
    "RUN mkdir node_modules && for i in $(seq 500); do echo $i > node_modules/$i.js; done",
    "FROM busybox AS build",
    "WORKDIR /app",
    "COPY --from=deps /app/node_modules ./node_modules",
    "COPY . .",
    "RUN mkdir dist && cat src/*.js > dist/app.js",
    "FROM busybox",
    "WORKDIR /app",
    "ENV NODE_ENV=production",
    "COPY --from=deps /app/node_modules ./node_modules",
    "COPY --from=build /app/dist ./dist",
    "USER 1000",
    'CMD ["cat", "dist/app.js"]',
    "",
  ].join("\n"),
  "node/package.json": "{}\n",
  "node/.dockerignore": "node_modules\n",
  ...Object.fromEntries(Array.from({ length: 100 }, (_, index) => [`node/src/${index}.js`, `// ${index}\n`])),
};

const clean = (side: Side): void => rmSync(outside(side), { recursive: true, force: true });

/** What both can build on a base without users, and dockerd as it is without settings. */
const corpus = buildCorpus.filter(
  ({ notInBuildKit, merges, dockerfile }) => notInBuildKit === undefined && !merges && !/[=" ]ann/.test(dockerfile),
);

const bigFiles = 200;
const bigFileBytes = 5 << 20;

export const buildScenarios: readonly Scenario[] = [
  {
    name: "build, all cached",
    unit: "ms",
    bars: { docker: 1 / 3 },
    peers: ["docker"],
    runs: 15,
    prepare: (side) => {
      write(side, project);
      side.run("build", "-q", "-t", "bench-node", `${inside}/node`);
    },
    measure: (side) => side.time("build", "-q", "-t", "bench-node", `${inside}/node`),
    clean,
  },
  {
    name: "build, one source line changed",
    unit: "ms",
    bars: { docker: 1 / 2 },
    peers: ["docker"],
    runs: 15,
    prepare: (side) => {
      write(side, project);
      side.run("build", "-q", "-t", "bench-node", `${inside}/node`);
    },
    measure: (side, run) => {
      write(side, { "node/src/0.js": `// ${run} of ${side.name} at ${Date.now()}\n` });
      return side.time("build", "-q", "-t", "bench-node", `${inside}/node`);
    },
    clean,
  },
  {
    name: "build of the corpus, cold",
    unit: "ms",
    bars: { docker: 1 },
    peers: ["docker"],
    runs: 1,
    prepare: (side) => {
      for (const build of corpus) writeContext(outside(side, `corpus/${build.name}`), build);
    },
    measure: (side) =>
      timed(() => {
        for (const { name, flags = [] } of corpus) {
          side.run("build", "-q", "--no-cache", "-t", `corpus-${name}`, ...flags, `${inside}/corpus/${name}`);
        }
      }),
    clean,
  },
  {
    name: "build, context of 1 GB unchanged",
    unit: "ms",
    bars: { docker: 1 / 2 },
    peers: ["docker"],
    runs: 3,
    prepare: (side) => {
      write(side, { "big/Dockerfile": "FROM busybox\nCOPY . /all\n" });
      for (let index = 0; index < bigFiles; index += 1) {
        writeFileSync(outside(side, `big/${index}`), Buffer.alloc(bigFileBytes, index));
      }
      side.run("build", "-q", "-t", "bench-big", `${inside}/big`);
    },
    measure: (side) => side.time("build", "-q", "-t", "bench-big", `${inside}/big`),
    clean,
  },
];
