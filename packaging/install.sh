#!/usr/bin/env bash
# Installs dist/isle with its systemd units, or takes them away again with --remove. Images and containers stay.
set -euo pipefail
cd "$(dirname "$0")/.."

units=(isle.service isle.socket)
has_systemd() { [ -d /run/systemd/system ]; }

if [ "${1:-}" = --remove ]; then
  if has_systemd; then systemctl disable --now "${units[@]}" || true; fi
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
