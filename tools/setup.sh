#!/usr/bin/env bash
# Brings a machine to where isle can be built and run, and with --tests to where it can be tested.
# Run again, it does only what is still to do.
set -euo pipefail
cd "$(dirname "$0")/.."

# The parts in C are built here.
build_packages=(gcc libc6-dev)
test_packages=(iproute2 util-linux openssl docker-registry apache2-utils tar procps btrfs-progs xfsprogs curl libcap2-bin)

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

install_packages() {
  as_root apt-get update -qq
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

install_missing() {
  local missing=()
  for package in "$@"; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q ' installed$' || missing+=("$package")
  done
  [ ${#missing[@]} = 0 ] || { echo "apt-get install ${missing[*]}"; install_packages "${missing[@]}"; }
}

# A server for ssh, for the tests alone: its package would start one that the machine's neighbours reach.
fetch_sshd() {
  local target=$PWD/.cache/sshd work
  [ -x "$target/usr/sbin/sshd" ] && return
  work=$(mktemp -d)
  as_root apt-get update -qq
  if (cd "$work" && apt-get download -qq openssh-server libwrap0 >/dev/null 2>&1); then
    for package in "$work"/*.deb; do dpkg-deb -x "$package" "$work/root"; done
    mkdir -p "$target"
    cp -r "$work/root/usr" "$target/"
    [ ! -d "$work/root/lib" ] || cp -r "$work/root/lib" "$target/"
  else
    echo "setup: no openssh-server for the tests" >&2
  fi
  rm -rf "$work"
}

# npm may be told to run no install scripts; then the command `bun` is only a note that says so.
link_bun() {
  if node_modules/.bin/bun --version >/dev/null 2>&1; then return; fi
  for program in node_modules/@oven/bun-linux-*/bin/bun; do
    chmod +x "$program"
    if "$program" --version >/dev/null 2>&1; then
      ln -f "$program" node_modules/bun/bin/bun.exe
      ln -f "$program" node_modules/bun/bin/bunx.exe
      return
    fi
  done
  echo "setup: no bun for this machine in node_modules/@oven" >&2
  exit 1
}

command -v npm >/dev/null || install_missing nodejs npm ca-certificates
if ! cmp -s package-lock.json node_modules/.isle-lock; then
  npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
  cp package-lock.json node_modules/.isle-lock
fi
link_bun
bun=$PWD/node_modules/.bin/bun
install_missing "${build_packages[@]}"
as_root "$bun" src/main.ts doctor --install >/dev/null || { "$bun" src/main.ts doctor; exit 1; }
# gVisor for the demo and the tests, where the machine has none: sandboxes alone would lack.
command -v runsc >/dev/null || tools/fetch-program.sh runsc runsc || true
if [ "${1:-}" = --tests ]; then
  install_missing "${test_packages[@]}"
  fetch_sshd
  # Tests compare with Docker's client where there is one; newer releases have it without the engine.
  tools/fetch-program.sh docker-buildx docker-buildx || true
  tools/fetch-program.sh docker-compose docker-compose || true
  # Other engines run isle's runtime in a test, which is left out where they cannot be installed.
  command -v podman >/dev/null || install_missing podman || true
  command -v docker >/dev/null || ! apt-cache show docker-cli >/dev/null 2>&1 || install_missing docker-cli
fi
"$bun" tools/build.ts
# The kernel of microVMs comes from Debian's packages; on a machine without them, only microVMs will lack.
as_root dist/isle-vm prepare || echo "setup: no kernel for microVMs" >&2
