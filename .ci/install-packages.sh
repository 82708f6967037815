#!/bin/sh
# install-packages.sh [KIND]...: the Debian packages of some kinds (default: all that `make test` needs).
#
# As root they are installed, all in one go; otherwise one line says what to install.  Exim cannot be installed
# beside Postfix, so its one program is unpacked into .cache/exim instead.
set -eu
cd "$(dirname "$0")/.."
exim=.cache/exim

packages_of() {
  case $1 in
    venv) # Debian's Python may lack ensurepip
      "${PYTHON:-python3}" -c 'import ensurepip' 2>/dev/null ||
        "${PYTHON:-python3}" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])'
      ;;
    servers) # what mail goes through, what watches it, and a browser for the page
      echo postfix dovecot-core prometheus prometheus-alertmanager prometheus-blackbox-exporter swaks msmtp curl
      echo libnet-ssleay-perl libauthen-sasl-perl nftables iproute2 openssl chromium fonts-dejavu-core
      echo libatomic1 # for the browser driver's own node
      ;;
    image) # image builder, sandbox, and what judges a unit
      echo buildah bubblewrap mmdebstrap systemd
      ;;
    *)
      echo "$0: no such kind: $1" >&2
      exit 2
      ;;
  esac
}

missing() {
  for package in "$@"; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || printf ' %s' "$package"
  done
}

# Exim looks up this account before it reads its configuration.
exim_is_there() {
  [ -x "$exim/usr/sbin/exim4" ] && getent passwd Debian-exim >/dev/null && ! ldd "$exim/usr/sbin/exim4" | grep -q 'not found'
}

# Index files are fetched when they are first needed, and once.
updated=""
update() {
  [ -n "$updated" ] || apt-get update -qq
  updated=yes
}

install() {
  update
  # Tests start their own instances on ports of their own: nothing is to run on port 25 or 9090.
  if [ ! -e /usr/sbin/policy-rc.d ]; then
    trap 'rm -f /usr/sbin/policy-rc.d' EXIT
    printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
    chmod 755 /usr/sbin/policy-rc.d
  fi
  # Debian's maintainer scripts talk a lot; it is of interest only when they fail.
  log=$(mktemp)
  # Not waiting for the disk at each of three hundred packages halves the time.
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
    -o Dpkg::Options::=--force-unsafe-io "$@" >"$log" 2>&1 || {
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
  [ -z "$libraries" ] || install $libraries
  rm -rf "$exim"
  mv "$exim.new" "$exim"
  getent passwd Debian-exim >/dev/null || useradd --system --no-create-home --shell /usr/sbin/nologin Debian-exim
}

[ $# -gt 0 ] || set -- venv servers image
needs_exim=""
wanted=""
for kind in "$@"; do
  packages=$(packages_of "$kind")
  # shellcheck disable=SC2086
  wanted="$wanted$(missing $packages)"
  [ "$kind" != servers ] || exim_is_there || needs_exim=yes
done
[ -n "$wanted$needs_exim" ] || exit 0
if [ "$(id -u)" -ne 0 ]; then
  if [ -n "$needs_exim" ]; then
    echo "make: as root, once: make packages (Debian's${wanted:- packages are there}; Exim 4 into $exim)" >&2
  else
    echo "make: as root, once: apt-get install --no-install-recommends$wanted" >&2
  fi
  exit 1
fi
# shellcheck disable=SC2086
[ -z "$wanted" ] || install $wanted
[ -z "$needs_exim" ] || unpack_exim
