#!/bin/sh
# make-venv.sh PYTHON VENV: a virtual environment with pip, on a Debian that may lack ensurepip.
set -eu
python=$1 venv=$2
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
  echo "make: $python is older than 3.11; name a newer one with PYTHON=python3.13" >&2
  exit 1
}
PYTHON=$python sh "$(dirname "$0")/install-packages.sh" venv
"$python" -m venv "$venv"
