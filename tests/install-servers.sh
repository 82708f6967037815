#!/bin/sh
# The Debian packages that the tests need; installed when root, otherwise named.
set -eu
packages="postfix dovecot-core prometheus prometheus-alertmanager swaks nftables iproute2 openssl"
missing=""
for package in $packages; do
  dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing="$missing $package"
done
[ -n "$missing" ] || exit 0
if [ "$(id -u)" -ne 0 ]; then
  echo "make test: these packages are missing; install them once with: sudo apt-get install$missing" >&2
  exit 1
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
# shellcheck disable=SC2086
apt-get install -y -qq --no-install-recommends $missing >/dev/null
