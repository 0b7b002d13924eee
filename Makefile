# Hugflow in one word each: `make demo` shows it, `make up` runs it, `make test` and `make check` judge it.
# PYTHON=/path/to/python3.12 make install   chooses the interpreter; by default the first suitable one is found.

SHELL := /bin/sh
VENV := .venv
PORT ?= 3000
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: help install demo up up-postgres test fuzz consumers check release-check format benchmark lock docs clean
.DEFAULT_GOAL := help

help:  ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "make %-14s%s\n", $$1, $$2}' Makefile

install: $(STAMP)  ## .venv with everything in it, the hugflow command included

$(STAMP): pyproject.toml setup.cfg constraints.txt .ci/venv
	@echo "installing into $(VENV): a minute or two the first time"
	@.ci/venv $(VENV)
	$(BIN)/python -m pip install --progress-bar on --disable-pip-version-check --constraint constraints.txt --editable ".[dev]"
	@touch $@

demo: install  ## a local Hub, a small speech dataset, and how it lands: offline
	@$(BIN)/hugflow demo

up: install  ## Dagster with its sensor: a YAML file dropped into requests/add/ lands by itself; DEMO=1: with a Hub
	@$(BIN)/hugflow init --quiet
	@DAGSTER_HOME="$${DAGSTER_HOME:-$(CURDIR)}" PYTHONWARNINGS='ignore:Function `dev_command` is superseded' \
	  $(if $(DEMO),$(BIN)/hugflow demo -- )$(BIN)/dagster dev --port $(PORT)

up-postgres: install  ## the same with its state in a PostgreSQL server of our own, in .postgres/ (Debian's postgresql)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable ".[postgres]"
	@.ci/postgres start .postgres
	@trap '.ci/postgres stop .postgres' EXIT; $(MAKE) --no-print-directory up DAGSTER_HOME=$(CURDIR)/.postgres/home

test: install  ## the whole suite, with branch coverage
	$(BIN)/pytest --numprocesses auto --dist worksteal --cov --cov-branch --cov-report term

fuzz: install  ## every act on the disk interrupted, then made-up corpora for an hour: FUZZ_SECONDS, _EXAMPLES, _SEED
	$(BIN)/python -m hugflow_assets_tests.e2e.interruptions
	$(BIN)/python -m hugflow_assets_tests.corpora.fuzz

consumers: install  ## NeMo's, Lhotse's, datasets', torch's and others' own readers on all that lands, in .venv-consumers
	.ci/consumers --page docs/opening.md

check: install  ## lint, format, types, layers, dependencies, workflows, definitions
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/deptry .
	$(BIN)/zizmor --offline --quiet --persona auditor .github
	$(BIN)/check-jsonschema --quiet --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(BIN)/dagster definitions validate
	$(BIN)/dagster definitions validate --workspace workspace.yaml

release-check: install  ## wheel and sdist built, installed elsewhere, the demo run from the wheel
	.ci/release

format: install  ## what ruff can mend by itself
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

benchmark: install  ## speed and memory against hf download and datasets, into benchmarks/RESULTS.md: some minutes
	$(BIN)/python -m benchmarks

lock: install  ## constraints.txt anew, from the ranges of pyproject.toml, for every Python at once
	$(BIN)/uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 --upgrade --quiet \
	  --no-annotate --no-header --no-emit-index-url --no-emit-find-links --output-file constraints.txt

docs: install  ## .env.example, the settings table of README.md and the JSON Schemas, from the code
	$(BIN)/hugflow settings --format env > .env.example
	$(BIN)/python .ci/readme_settings.py
	$(BIN)/python .ci/schemas.py

clean:  ## tools' leftovers and .venv; never datasets, state or requests
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .hypothesis .mypy_cache .ruff_cache .import_linter_cache
	rm -f .coverage .coverage.*
	find hugflow_assets hugflow_assets_tests -name __pycache__ -type d -prune -exec rm -rf {} +
