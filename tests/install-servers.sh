#!/bin/sh
# The server programs, and the browser, that the tests start: Debian packages, installed when root, otherwise named.
# Exim cannot be installed beside Postfix, so its one program is unpacked into .cache/exim instead.
set -eu
cd "$(dirname "$0")/.."

packages="postfix dovecot-core prometheus prometheus-alertmanager swaks libnet-ssleay-perl libauthen-sasl-perl"
packages="$packages prometheus-blackbox-exporter curl msmtp nftables iproute2 openssl"
packages="$packages chromium fonts-dejavu-core"
exim=.cache/exim

missing() {
  for package in "$@"; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || printf ' %s' "$package"
  done
}

# Index files are fetched when they are first needed, and once.
updated=""
update() {
  [ -n "$updated" ] || apt-get update -qq
  updated=yes
}

install_packages() {
  update
  # Tests start their own instances on ports of their own: nothing is to run on port 25 or 9090.
  if [ ! -e /usr/sbin/policy-rc.d ]; then
    trap 'rm -f /usr/sbin/policy-rc.d' EXIT
    printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
    chmod 755 /usr/sbin/policy-rc.d
  fi
  # Debian's maintainer scripts talk a lot; it is of interest only when they fail.
  log=$(mktemp)
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >"$log" 2>&1 || {
    cat "$log" >&2
    exit 1
  }
  rm -f "$log"
}

# The libraries that an unpacked package wants, by its own account.
libraries_of() {
  dpkg-deb -f "$1" Depends | tr ',' '\n' | sed 's/^ *//; s/[ (|].*//' | grep '^lib'
}

unpack_exim() {
  update
  rm -rf "$exim.new"
  mkdir -p "$exim.new"
  (cd "$exim.new" && apt-get download -qq -o APT::Sandbox::User=root exim4-daemon-light)
  dpkg -x "$exim.new"/exim4-daemon-light_*.deb "$exim.new"
  chmod u-s "$exim.new/usr/sbin/exim4"
  # shellcheck disable=SC2046
  libraries=$(missing $(libraries_of "$exim.new"/exim4-daemon-light_*.deb))
  # shellcheck disable=SC2086
  [ -z "$libraries" ] || install_packages $libraries
  rm -rf "$exim"
  mv "$exim.new" "$exim"
}

# shellcheck disable=SC2086
wanted=$(missing $packages)
if [ "$(id -u)" -ne 0 ]; then
  [ -z "$wanted" ] && [ -x "$exim/usr/sbin/exim4" ] && getent passwd Debian-exim >/dev/null && exit 0
  echo "make test: the mail servers of the tests are not installed; as root, once: make servers" >&2
  echo "  (Debian packages:${wanted:- all there}; Exim 4, unpacked into $exim)" >&2
  exit 1
fi
# shellcheck disable=SC2086
[ -z "$wanted" ] || install_packages $wanted
[ -x "$exim/usr/sbin/exim4" ] && ! ldd "$exim/usr/sbin/exim4" | grep -q 'not found' || unpack_exim
# Exim looks up this account before it reads its configuration.
getent passwd Debian-exim >/dev/null || useradd --system --no-create-home --shell /usr/sbin/nologin Debian-exim
