#!/bin/sh
# install-dashboard-tools.sh types|render: the npm packages that check the dashboards, and for `render` a browser.
# Each lock file pins versions and hashes and names no registry (npm's omit-lockfile-registry-resolved), so a
# mirror works; no package runs a script of its own.
set -eu
cd "$(dirname "$0")/.."
kind=${1:?types or render}
source=tests/dashboards/$kind
target=.cache/dashboards/$kind

need() {
  command -v "$1" >/dev/null && return
  if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq && apt-get install -y -qq --no-install-recommends "$2" >/dev/null
  else
    echo "make: $1 is not installed; install it once with: sudo apt-get install $2" >&2
    exit 1
  fi
}

need node nodejs
need npm npm
if [ "$kind" = render ]; then
  need chromium chromium
  node -e 'process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)' || {
    echo "make: rendering the dashboards needs Node.js 20 or newer, this is $(node --version)" >&2
    exit 1
  }
fi

mkdir -p "$target"
if ! cmp -s "$source/package-lock.json" "$target/node_modules/.installed"; then
  cp "$source/package.json" "$source/package-lock.json" "$target/"
  # `npm ci` wants the native parts of vite for every platform in the lock file; a mirror may have only ours.
  [ "$kind" = types ] && how=ci || how="install --no-save"
  # shellcheck disable=SC2086
  (cd "$target" && npm $how --ignore-scripts --legacy-peer-deps --no-audit --no-fund --loglevel=error)
  cp "$source/package-lock.json" "$target/node_modules/.installed"
fi
