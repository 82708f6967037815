#!/bin/sh
# install-dashboard-tools.sh types|render: the npm packages that check the dashboards, or that draw them.
# Each lock file pins versions and hashes and names no registry (npm's omit-lockfile-registry-resolved), so a
# mirror works; no package runs a script of its own.
set -eu
cd "$(dirname "$0")/.."
kind=${1:?types or render}
source=tests/dashboards/$kind
target=.cache/dashboards/$kind

PATH=$PWD/.cache/chart-venv/bin:$PATH # Node.js and npm are in it

mkdir -p "$target"
if ! cmp -s "$source/package-lock.json" "$target/node_modules/.installed"; then
  cp "$source/package.json" "$source/package-lock.json" "$target/"
  # `npm ci` wants the native parts of vite for every platform in the lock file; a mirror may have only ours.
  [ "$kind" = types ] && how=ci || how="install --no-save"
  # shellcheck disable=SC2086
  (cd "$target" && npm $how --ignore-scripts --legacy-peer-deps --no-audit --no-fund --loglevel=error)
  cp "$source/package-lock.json" "$target/node_modules/.installed"
fi
