#!/usr/bin/env bash
# Puts the real Compose of Debian 13 into .cache/compose for the tests, whatever Debian or Ubuntu this machine runs. The
# machine's own package sources are not touched. Prints why not when it cannot be had.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
target=$PWD/.cache/compose
[ -x "$target/docker-compose" ] && exit 0

keyring=/usr/share/keyrings/debian-archive-keyring.gpg
[ -e "$keyring" ] || { echo "no Compose for the tests: $keyring is missing"; exit 1; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/lists/partial" "$work/archives/partial"

# The mirror this machine uses for Debian, else Debian's own.
mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 2>/dev/null | grep -m1 -E '^https?://[^@]+/debian/?$')
echo "deb [signed-by=$keyring] ${mirror:-http://deb.debian.org/debian} trixie main" >"$work/sources.list"
apt() {
  timeout 120 apt-get -qq -o Dir::Etc::SourceList="$work/sources.list" -o Dir::Etc::SourceParts=/dev/null \
    -o Dir::State::Lists="$work/lists" -o Dir::Cache::archives="$work/archives" -o Dir::Cache::pkgcache= \
    -o Dir::Cache::srcpkgcache= -o APT::Sandbox::User=root -o Acquire::Retries=3 -o Acquire::Languages=none "$@" 2>&1
}
if ! said=$(apt update && cd "$work" && apt download docker-compose); then
  echo "no Compose for the tests: $(tail -1 <<<"$said")"
  exit 1
fi
dpkg-deb -x "$work"/docker-compose_*.deb "$work/root"
mkdir -p "$target"
find "$work/root" -name docker-compose -type f -perm -u+x -exec cp {} "$target/docker-compose" \; -quit
"$target/docker-compose" version --short >/dev/null
