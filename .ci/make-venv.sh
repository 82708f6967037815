#!/bin/sh
# make-venv.sh PYTHON VENV: a virtual environment with pip, on a Debian that may lack ensurepip.
set -eu
python=$1 venv=$2
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
  echo "make: $python is older than 3.11; name a newer one with PYTHON=python3.13" >&2
  exit 1
}
if ! "$python" -c 'import ensurepip' 2>/dev/null; then
  package="python$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')-venv"
  if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq && apt-get install -y -qq --no-install-recommends "$package" >/dev/null
  else
    echo "make: $python has no ensurepip; install it once with: sudo apt-get install $package" >&2
    exit 1
  fi
fi
"$python" -m venv "$venv"
