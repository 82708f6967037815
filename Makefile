# Everything this project does to itself.  `make` lists the targets.
PYTHON ?= python3
VENV   ?= .venv
BIN     = $(VENV)/bin
ARGS   ?=
JOBS   ?= 2
# File by file, the longest first: what a file starts for its tests is started once.
PYTEST  = $(BIN)/pytest -n $(JOBS) --dist loadfile

.DEFAULT_GOAL := help
.PHONY: help run test check format lint types contracts unit coverage packages tools rules chart chart-files image sbom \
	dashboards dashboards-render docs docs-files \
	bench bench-smoke fuzz soak screenshots lock clean

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1\t\2/p' Makefile | expand -t 19

run: $(VENV)/.runtime ## run the main job: the demo servers, or CONFIG=my.yml
ifdef CONFIG
	exec $(BIN)/submission-exporter serve --config.file $(CONFIG) $(ARGS)
else
	exec $(BIN)/submission-exporter demo $(ARGS)
endif

test: packages tools $(VENV)/.dev ## set everything up, then every check and every test there is
	$(MAKE) --no-print-directory check
	$(MAKE) --no-print-directory coverage

check: lint types contracts ## what needs no server: format, lint, types, import contract

format: $(VENV)/.dev ## put the source into shape
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lint: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: $(VENV)/.dev
	$(BIN)/mypy
	$(BIN)/mypy --explicit-package-bases --check-untyped-defs --allow-untyped-defs --allow-untyped-calls --allow-incomplete-defs tests

contracts: $(VENV)/.dev
	$(BIN)/lint-imports --no-cache

unit: $(VENV)/.dev ## the tests alone; ARGS="-k name" chooses
	$(PYTEST) $(ARGS)

coverage: $(VENV)/.dev
	rm -f .coverage .coverage.*
	COVERAGE_PROCESS_START=$(CURDIR)/pyproject.toml $(BIN)/coverage run -m pytest -n $(JOBS) --dist loadfile $(ARGS)
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

rules: packages $(VENV)/.dev ## alerts and recording rules: promtool, amtool, end to end
	$(PYTEST) tests/rules

chart: packages tools $(VENV)/.dev ## the Helm chart: both Helms, schemas, every manifest
	$(PYTEST) tests/chart

chart-files: tools ## bring rules, dashboards and schema into the chart
	.cache/chart-venv/bin/python helm/sync.py

sbom: tools ## what the image is made of, as CycloneDX
	sh packaging/sbom.sh $(PYTHON)

image: packages tools $(VENV)/.dev ## the image: built and run, and the units beside it
	$(PYTEST) tests/image

dashboards: packages tools $(VENV)/.dev ## dashboards: drift, lint, types, every query
	$(PYTEST) tests/dashboards

dashboards-render: tools $(VENV)/.dev ## draw the dashboards with Grafana's panel components, into docs/images
	sh tests/install-dashboard-tools.sh render
	$(BIN)/python -m tests.dashboards.render

docs: packages $(VENV)/.dev ## the documentation: built strictly, links, examples, commands, references
	$(BIN)/mkdocs build --strict
	$(PYTEST) tests/docs

docs-files: $(VENV)/.dev ## write the generated pages of docs/, and the rules as the program reads them
	$(BIN)/python -m exporter.diagnosis.compact
	$(BIN)/python -m exporter.diagnosis.pages > docs/errors.md
	$(BIN)/python -m docs.source

bench: $(VENV)/.dev ## every goal of docs/performance.md, measured beside its peer
	$(BIN)/python -m benchmarks

bench-smoke: $(VENV)/.dev
	$(BIN)/pytest tests/benchmarks

fuzz: packages $(VENV)/.dev ## every property, FUZZ_EXAMPLES=20000 times each: hours; ARGS="-k replies" chooses
	HYPOTHESIS_PROFILE=fuzz $(PYTEST) -m hypothesis --timeout=0 --ignore=tests/chart $(ARGS)

soak: $(VENV)/.dev ## 20 minutes at 100 probes a second under reloads and dying servers; ARGS="--seconds 60"
	$(BIN)/python -m benchmarks.soak $(ARGS)

screenshots: $(VENV)/.dev ## docs/images anew, from the page of a running demo
	$(BIN)/python -m tests.web.screenshots docs/images

packages: ## the mail servers, Prometheus and other Debian packages that the tests use
	@PYTHON=$(PYTHON) sh .ci/install-packages.sh

tools: packages ## what checks the chart, the image and the dashboards
	@sh tests/install-chart-tools.sh $(PYTHON)
	@sh tests/install-dashboard-tools.sh types

# A fresh Debian has neither ensurepip nor a compiler; wheels exist for all that is locked.
$(BIN)/python:
	@sh .ci/make-venv.sh $(PYTHON) $(VENV)

$(VENV)/.runtime: $(BIN)/python lock/runtime.txt pyproject.toml
	$(BIN)/pip install --quiet --require-hashes -r lock/runtime.txt
	$(BIN)/pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: $(BIN)/python lock/dev.txt pyproject.toml
	$(BIN)/pip install --quiet --require-hashes -r lock/dev.txt
	$(BIN)/pip install --quiet --no-deps --no-build-isolation --editable .
	@echo 'import coverage; coverage.process_startup()' > $$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/zz_coverage.pth
	@touch $@ $(VENV)/.runtime

lock: ## renew the locked versions
	$(PYTHON) -m venv $(VENV)-lock && $(VENV)-lock/bin/pip install --quiet uv
	$(VENV)-lock/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --upgrade pyproject.toml lock/build.in -o lock/runtime.txt
	$(VENV)-lock/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --upgrade pyproject.toml lock/build.in --group dev -c lock/runtime.txt -o lock/dev.txt
	$(VENV)-lock/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --upgrade lock/chart.in -o lock/chart.txt
	$(VENV)-lock/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --upgrade lock/image.in -o lock/image.txt
	rm -rf $(VENV)-lock

clean: ## drop everything that the targets made
	rm -rf $(VENV) .cache .coverage .coverage.* .mypy_cache .pytest_cache .ruff_cache
