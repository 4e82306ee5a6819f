import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Figure } from "./report.ts";
import type { Scenario } from "./scenarios.ts";
import type { Side } from "./side.ts";
import { summarise } from "./statistics.ts";

/** Holds this machine's perl, so that all sides move bytes with one program: busybox has none that is fast enough. */
export const perlImage = "bench-perl";
const hostAddress = "10.250.0.1";
const megabytes = 1024;
const roundTrips = 5000;
const connects = 2000;

/** The root of that image as a tar file. */
export function writePerlRoot(directory: string): string {
  const root = join(directory, "perl-root");
  const libraries = execFileSync("ldd", ["/usr/bin/perl"], { encoding: "utf8" }).match(/\/\S+/g) ?? [];
  const modules = execFileSync(
    "perl",
    ["-MIO::Socket::INET", "-e", "print join qq(\\n), values %INC, map { @DynaLoader::dl_shared_objects } 1"],
    { encoding: "utf8" },
  );
  for (const path of ["/usr/bin/perl", ...libraries, ...modules.split("\n").filter((line) => line.startsWith("/"))]) {
    mkdirSync(join(root, dirname(path)), { recursive: true });
    cpSync(path, join(root, path), { dereference: true });
  }
  execFileSync("tar", ["-C", root, "-cf", `${root}.tar`, "."]);
  return `${root}.tar`;
}

/** Answers on port 7000: takes all bytes, gives each back, or just hangs up, as the first one says. */
const server = [
  "use IO::Socket::INET; $SIG{CHLD} = q(IGNORE);",
  "my $s = IO::Socket::INET->new(LocalPort => 7000, Listen => 99, ReuseAddr => 1) or die;",
  "while (my $c = $s->accept) {",
  "  my $kind; if (!sysread($c, $kind, 1) || $kind eq q(C)) { close $c; next }",
  "  next if fork; setsockopt($c, 6, 1, 1);",
  "  if ($kind eq q(T)) { 1 while sysread($c, my $b, 1 << 17); syswrite $c, q(k) }",
  "  else { syswrite $c, $_ while sysread $c, $_, 1 }",
  "  exit }",
].join(" ");

/** Milliseconds of the clock that only goes forward; perl's own is in a package that not every machine has. */
const clock = `sub now { my $b = pack(q(qq), 0, 0); syscall(${process.arch === "arm64" ? 113 : 228}, 1, $b); my ($s, $n) = unpack(q(qq), $b); $s * 1e3 + $n / 1e6 }`;

/** Prints how many milliseconds the work against an address and port took. */
function client(kind: "T" | "L" | "C", address: string, port: number): string {
  const open = `my $c = IO::Socket::INET->new(PeerAddr => q(${address}), PeerPort => ${port}) or die; setsockopt($c, 6, 1, 1);`;
  const work = {
    T: `${open} syswrite $c, q(T); my $b = q(x) x (1 << 17); for (1 .. ${megabytes * 8}) { my $o = 0; $o += syswrite $c, $b, length($b) - $o, $o while $o < length $b } shutdown $c, 1; sysread $c, $b, 1;`,
    L: `${open} syswrite $c, q(L); for (1 .. ${roundTrips}) { syswrite $c, q(x); sysread $c, my $b, 1 }`,
    C: `for (1 .. ${connects}) { ${open} syswrite $c, q(C); sysread $c, my $b, 1; close $c }`,
  }[kind];
  return `/usr/bin/perl -MIO::Socket::INET -e '${clock} my $t = now(); ${work} print now() - $t'`;
}

const start = (side: Side, flags: string): void =>
  void side.shell(`$E run -d ${flags} ${perlImage} /usr/bin/perl -e '${server}' >/dev/null`);

/** A network with two servers on it, one published, and a server on the machine itself. Any of them runs clients, too. */
function prepare(side: Side): void {
  side.shell(`ip addr add ${hostAddress}/32 dev lo 2>/dev/null; $E network create bench-net >/dev/null`);
  start(side, "--network bench-net --name bench-server -p 17000:7000");
  start(side, "--network host --name bench-host");
  start(side, "--network bench-net --name bench-client");
  side.shell("sleep 1");
}

function clean(side: Side): void {
  side.shell("$E rm -f $($E ps -aq) >/dev/null; $E network rm bench-net >/dev/null");
}

const inside = (side: Side, name: string, line: string): number => Number(side.shell(`$E exec ${name} ${line}`));
const serverAddress = (side: Side): string =>
  side.run("inspect", "-f", '{{(index .NetworkSettings.Networks "bench-net").IPAddress}}', "bench-server").trim();

/** From where to where, and what runs it. */
const ways: ReadonlyArray<readonly [way: string, run: (side: Side, kind: "T" | "L") => number]> = [
  ["container to container", (side, kind) => inside(side, "bench-client", client(kind, serverAddress(side), 7000))],
  ["host to published port", (side, kind) => inside(side, "bench-host", client(kind, hostAddress, 17000))],
  ["container to host", (side, kind) => inside(side, "bench-client", client(kind, hostAddress, 7000))],
];

/** Within a tenth of Docker's. */
const bars = { docker: 1.1 };

export const networkScenarios: readonly Scenario[] = ways.flatMap(([way, run]) => [
  {
    name: `network: ${megabytes} MB, ${way}`,
    unit: "ms",
    bars,
    peers: ["docker"],
    runs: 15,
    prepare,
    clean,
    measure: (side) => run(side, "T"),
  },
  {
    name: `network: ${roundTrips} round trips, ${way}`,
    unit: "ms",
    bars,
    peers: ["docker"],
    runs: 15,
    prepare,
    clean,
    measure: (side) => run(side, "L"),
  },
]);

const pairs = 31;

/** Figures of isle alone: what many published ports cost a connection, and what a network adds to a start. */
export const networkFigures: ReadonlyArray<readonly [name: string, figure: (side: Side, name: string) => Figure]> = [
  ["network: connects with 500 published ports, by those with one", connectFigure],
  ["network: what joining one adds to a start", attachFigure],
];

/** The time for connections while 500 ports are published, divided by the time while one is. */
function connectFigure(side: Side, name: string): Figure {
  prepare(side);
  const line = client("C", hostAddress, 17000);
  const round = (): number => inside(side, "bench-host", line);
  round();
  const ratios = Array.from({ length: 5 }, () => {
    const one = round();
    side.shell("$E run -d --name bench-many -p 18000-18498:8000-8498 busybox sleep 3600 >/dev/null");
    const many = round();
    side.shell("$E rm -f bench-many >/dev/null");
    return many / one;
  });
  clean(side);
  return single(name, "×", ratios, 1.1);
}

/** Milliseconds that a start on a network of the user's takes longer than one without any. */
function attachFigure(side: Side, name: string): Figure {
  side.shell("$E network create bench-net >/dev/null");
  const run = (network: string): number => side.time("run", "--rm", "--network", network, "busybox", "true");
  run("none");
  const added = Array.from({ length: pairs }, () => -(run("none") - run("bench-net")));
  side.shell("$E network rm bench-net >/dev/null");
  return single(name, "ms", added, 5);
}

const single = (scenario: string, unit: string, values: readonly number[], limit: number): Figure => ({
  scenario,
  unit,
  sides: { isle: summarise(values) },
  ratios: {},
  bars: {},
  limit,
});
