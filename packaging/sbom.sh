#!/bin/sh
# The software bill of materials of what the image installs, as CycloneDX JSON: sbom.sh [PYTHON] [FILE]
set -eu
cd "$(dirname "$0")/.."
python=${1:-python3} out=${2:-dist/submission-exporter.cdx.json}
work=.cache/sbom
rm -rf "$work"
mkdir -p "$work" "$(dirname "$out")"
# The locked files, checked against their hashes; then from these alone what the package asks for, and no builder.
sh .ci/make-venv.sh "$python" "$work/builder"
pip="$work/builder/bin/pip --quiet --disable-pip-version-check"
$pip download --require-hashes --no-deps --dest "$work/wheels" -r lock/runtime.txt
$pip install --no-index --find-links "$work/wheels" hatchling editables
$pip wheel --no-deps --no-build-isolation --wheel-dir "$work/own" .
"$python" -m venv --without-pip "$work/venv"
$pip --python "$work/venv/bin/python" install --no-index --find-links "$work/wheels" "$work"/own/*.whl
.cache/chart-venv/bin/cyclonedx-py environment --pyproject pyproject.toml --mc-type application \
  --output-reproducible --spec-version 1.6 --output-format JSON --output-file "$out" "$work/venv/bin/python"
rm -rf "$work"
echo "$out"
