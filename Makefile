# Two commands matter: `make animate PROMPT="..."` and `make test`. Each sets up what it needs.

PYTHON ?= python3
PROMPT ?= a castle on green hills at dawn, birds over the valley
OUT ?= clip.gif
BIN := .venv/bin

.PHONY: setup animate test check format site sketchbook

setup: .venv/ready

.venv/ready: pyproject.toml constraints.txt
	@echo "setting up .venv with the pinned libraries (once; a few minutes)"
	@$(PYTHON) -m venv .venv
	@$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt torch
	@$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable ".[dev]"
	@touch $@

animate: setup
	@echo "animating: $(PROMPT)"
	@$(BIN)/sakuga animate "$(PROMPT)" -o "$(OUT)"

test: check
	@echo "running the tests"
	@OMP_NUM_THREADS=1 OMP_WAIT_POLICY=PASSIVE $(BIN)/python -m pytest -q -n 2 --dist loadfile

check: setup site
	@echo "checking style, types and floors"
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

site: setup
	@echo "building the documentation in build/site"
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

format: setup
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

sketchbook: setup
	@echo "training the built-in model (hours; stop and resume as you like)"
	@$(BIN)/sakuga sketchbook train --stage all --resume
