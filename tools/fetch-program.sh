#!/usr/bin/env bash
# Puts a program of Debian 13 into .cache/PROGRAM for the tests, whatever Debian or Ubuntu this machine runs:
#
#     tools/fetch-program.sh PACKAGE PROGRAM
#
# The machine's own package sources are not touched. Prints why not when it cannot be had.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
package=$1 program=$2
target=$PWD/.cache/$program
[ -x "$target/$program" ] && exit 0

keyring=/usr/share/keyrings/debian-archive-keyring.gpg
[ -e "$keyring" ] || { echo "no $program for the tests: $keyring is missing"; exit 1; }
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
if ! said=$(apt update && cd "$work" && apt download "$package"); then
  echo "no $program for the tests: $(tail -1 <<<"$said")"
  exit 1
fi
dpkg-deb -x "$work/$package"_*.deb "$work/root"
mkdir -p "$target"
find "$work/root" -name "$program" -type f -perm -u+x -exec cp {} "$target/$program.new" \; -quit
{ "$target/$program.new" --version || "$target/$program.new" version; } >/dev/null 2>&1 && mv "$target/$program.new" "$target/$program"
