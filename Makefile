# Two commands matter: `make animate PROMPT="..."` and `make test`. Each installs what it needs.

PYTHON ?= python3
PROMPT ?= a castle on green hills at dawn, birds over the valley
OUT ?= clip.gif
BIN := .venv/bin
PYTEST := OMP_NUM_THREADS=1 OMP_WAIT_POLICY=PASSIVE $(BIN)/python -m pytest -q

.PHONY: help animate test check format site dist sketchbook setup

help:
	@echo 'make animate PROMPT="a castle at dawn"   generate a clip (OUT=clip.gif)'
	@echo 'make test                                run all checks and tests'
	@echo
	@echo 'make check       style, types, layers, documentation'
	@echo 'make format      format the code and fix what can be fixed'
	@echo 'make site        build the documentation in build/site'
	@echo 'make dist        build wheel and sdist in dist/, and check both'
	@echo 'make sketchbook  train the built-in model (hours)'
	@echo 'make setup       install the pinned libraries in .venv'

animate: setup
	@echo "animating: $(PROMPT)"
	@$(BIN)/sakuga animate "$(PROMPT)" -o "$(OUT)"

test: check
	@echo "running the tests"
	@$(PYTEST) -n 2 --dist loadfile

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

dist: setup
	@echo "building wheel and sdist in dist/"
	@rm -rf dist
	@$(BIN)/python -m build --no-isolation --outdir dist . > /dev/null
	@$(BIN)/twine check --strict dist/*
	@SAKUGA_DIST=dist $(PYTEST) tests/test_wheel.py

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
