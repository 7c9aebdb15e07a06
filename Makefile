# `make demo` and `make test` do all the set-up themselves. Every command runs in this folder,
# named by `cd` once, so that another working directory or a space in the path changes nothing.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
PYTHON ?= python3
IN_ROOT = cd "$$ATLAS_ROOT" &&
# this file's own folder; make's list of makefiles begins with a space and does not quote
export ATLAS_ROOT := $(shell f="$$(printf '%s' "$(MAKEFILE_LIST)" | sed 's/^ //')"; cd "$$(dirname "$$f")" && pwd)
export OMP_WAIT_POLICY = PASSIVE

.PHONY: help setup demo test lint format docs bench generate clean

help: ## show the targets
	@$(IN_ROOT) awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-10s %s\n", $$1, $$2}' Makefile

setup: ## create .venv and install everything (again only when requirements change)
	@$(IN_ROOT) PYTHON="$(PYTHON)" bash tools/setup.sh

demo: setup ## run specs/ood_formation.yaml and print the path of its report
	@$(IN_ROOT) .venv/bin/atlas run specs/ood_formation.yaml --out "$$ATLAS_ROOT/runs"

test: setup ## run every test
	@$(IN_ROOT) .venv/bin/python -m pytest -n 2 --dist worksteal

lint: setup ## formatting, lint, types, import contracts
	@$(IN_ROOT) .venv/bin/ruff format --check . && .venv/bin/ruff check . && .venv/bin/mypy \
	  && .venv/bin/lint-imports --no-cache

format: setup ## format the code
	@$(IN_ROOT) .venv/bin/ruff format . && .venv/bin/ruff check --fix .

docs: setup ## generate the docs pages and build the site into site/
	@$(IN_ROOT) .venv/bin/python tools/generate.py && .venv/bin/mkdocs build --strict

bench: setup ## the demo's forest over twenty seeds, into benchmarks/results (a few minutes)
	@$(IN_ROOT) .venv/bin/python benchmarks/demo_seeds.py

generate: setup ## write every generated file anew (schema, catalogue, docs pages)
	@$(IN_ROOT) .venv/bin/python tools/generate.py

clean: ## delete what the set-up and the runs made
	@$(IN_ROOT) rm -rf .venv .stamp-setup runs site .mypy_cache .ruff_cache .pytest_cache
