#!/usr/bin/env bash
# Installs dist/isle with its systemd units, or takes them away again with --remove, with the bridges and the firewall's
# table of its networks. Images and containers stay in /var/lib/isle; none may run.
set -euo pipefail
cd "$(dirname "$0")/.."

units=(isle.service isle.socket)
has_systemd() { [ -d /run/systemd/system ]; }

# Bridges of all networks; the daemon must still answer.
bridges() {
  isle network ls --no-trunc -q --filter driver=bridge | while read -r id; do
    isle network inspect -f '{{index .Options "com.docker.network.bridge.name"}}' "$id" | grep -v '<no value>' | grep . ||
      echo "br-${id:0:12}"
  done
  ip -o link show type bridge | sed -n 's/^[0-9]*: \(isle[0-9]*\):.*/\1/p'
}

if [ "${1:-}" = --remove ]; then
  made=()
  if isle version >/dev/null 2>&1; then
    if [ -n "$(isle ps -q)" ]; then
      echo 'install: containers run: stop them first: isle stop $(isle ps -q)' >&2
      exit 1
    fi
    mapfile -t made < <(bridges)
  fi
  if has_systemd; then systemctl disable --now "${units[@]}" || true; fi
  if isle version >/dev/null 2>&1; then
    echo "install: a daemon still runs, which systemd did not start: stop it, then remove what its networks left:" >&2
    printf '  ip link delete %s\n' "${made[@]}" >&2
    echo "  nft delete table inet isle" >&2
    exit 1
  fi
  for bridge in "${made[@]}"; do ip link delete "$bridge" 2>/dev/null || true; done
  nft delete table inet isle 2>/dev/null || true
  rm -f /usr/local/bin/{isle,isle-vm,isle-agent,isle-relay} "${units[@]/#//etc/systemd/system/}"
  exit 0
fi

[ -x dist/isle ] || { echo "install: dist/isle is not built: run make setup" >&2; exit 1; }
getent group isle >/dev/null || groupadd --system isle
install -m 0755 dist/isle dist/isle-agent dist/isle-relay -t /usr/local/bin
ln -sf isle /usr/local/bin/isle-vm
install -m 0644 "${units[@]/#/packaging/}" -t /etc/systemd/system
if has_systemd; then
  systemctl daemon-reload
  systemctl enable --now isle.socket
  echo "isle answers on /run/isle/isle.sock; members of the group isle may use it"
else
  echo "no systemd here: start it with: isle daemon"
fi
