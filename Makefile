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
export DATA_DIR

.PHONY: help setup demo test test-pages test-faults test-fuzz lint format docs picture bench bench-setup bench-seeds bench-scaling bench-trust bench-stable bench-stable-loop bench-gpu matbench matbench-uq generate clean

help: ## show the targets
	@$(IN_ROOT) awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-14s %s\n", $$1, $$2}' Makefile

setup: ## create .venv and install everything (again only when requirements change)
	@$(IN_ROOT) PYTHON="$(PYTHON)" bash tools/setup.sh

demo: setup ## run specs/ood_formation.yaml and print the path of its report
	@$(IN_ROOT) .venv/bin/atlas run specs/ood_formation.yaml --out "$$ATLAS_ROOT/runs"

# compiled once, not at each of some hundred starts of Python, whatever the environment says
test: export PYTHONDONTWRITEBYTECODE =
test: setup ## run every test
	@$(IN_ROOT) .venv/bin/python -m pytest -n 2 --dist worksteal

test-pages: setup ## every page in headless Chromium: phone, dark, print, axe-core (once: npm install --no-save axe-core)
	@$(IN_ROOT) .venv/bin/python -m pytest -n0 -m 'all_pages or not all_pages' tests/test_pages_in_a_browser.py

test-faults: setup ## kills, flipped bits, hostile files, signals, links, full disks: every campaign at full size (15 minutes)
	@$(IN_ROOT) PYTHONPATH=tests .venv/bin/python -m faults -input

test-fuzz: setup ## ten thousand spoiled specs, CIF files, tables and formulas (10 minutes)
	@$(IN_ROOT) PYTHONPATH=tests .venv/bin/python -m faults input

lint: setup ## formatting, lint, types, import contracts
	@$(IN_ROOT) .venv/bin/ruff format --check . && .venv/bin/ruff check . && .venv/bin/mypy \
	  && .venv/bin/lint-imports --no-cache

format: setup ## format the code
	@$(IN_ROOT) .venv/bin/ruff format . && .venv/bin/ruff check --fix .

docs: setup ## generate the docs pages, run two samples (minutes, once) and build the site into site/
	@$(IN_ROOT) .venv/bin/python tools/generate.py && .venv/bin/python tools/sample.py && .venv/bin/mkdocs build --strict
	@echo "$$ATLAS_ROOT/site/index.html (with search: .venv/bin/python -m http.server --directory site)"

picture: setup ## run the demo and take the README's picture of its report (needs Chromium)
	@$(IN_ROOT) .venv/bin/python tools/picture.py

bench-setup: setup
	@$(IN_ROOT) .venv/bin/python -m pip install --quiet -r requirements-bench.txt

bench: bench-setup ## speed and memory against matminer, pymatgen, torch-geometric and scikit-learn; prints the table
	@$(IN_ROOT) .venv/bin/python benchmarks/fast

bench-seeds: setup ## the demo's forest over twenty seeds (minutes)
	@$(IN_ROOT) .venv/bin/python benchmarks/demo_seeds.py

bench-scaling: setup ## time and memory of each step at 1k to 64k crystals, as a plot (minutes)
	@$(IN_ROOT) .venv/bin/python benchmarks/scaling.py

bench-trust: setup ## the trust region, novelty and audits on classes that nobody saw (half an hour): make bench-trust DATA_DIR=...
	@$(IN_ROOT) for one in novelty calibrators trust; do \
	  .venv/bin/python "benchmarks/$$one.py" --data-dir "$${DATA_DIR:?name the folder of matbench_*.json.*}"; done

bench-stable: setup ## hulls and P(stable) against pymatgen, published models and held-out elements (half an hour): make bench-stable DATA_DIR=... PUBLISHED=... WBM=...
	@$(IN_ROOT) .venv/bin/python benchmarks/stable.py --data-dir "$${DATA_DIR:?name the folder of matbench_*.json.*}" $(if $(PUBLISHED),--published "$(PUBLISHED)") $(if $(WBM),--wbm "$(WBM)")

bench-stable-loop: setup ## how many crystals on the hull active learning finds, ten seeds (half an hour)
	@$(IN_ROOT) .venv/bin/python benchmarks/stable_loop.py

bench-gpu: setup ## training speed and memory of this machine's device, and what all of Matbench would take
	@$(IN_ROOT) .venv/bin/python benchmarks/gpu.py

matbench: setup ## Matbench records, resumable (hours): make matbench MODEL=forest TASKS="steels jdft2d" DATA_DIR=...
	@$(IN_ROOT) .venv/bin/python benchmarks/records.py run $(MODEL) $(TASKS) --data-dir "$${DATA_DIR:?name the folder of matbench_*.json.gz}"

matbench-uq: setup ## how far uncertainties hold on Matbench, resumable (hours; all, or MODEL and TASKS): make matbench-uq DATA_DIR=...
	@$(IN_ROOT) .venv/bin/python benchmarks/matbench_uq.py run --models $(MODEL) --tasks $(TASKS) --data-dir "$${DATA_DIR:?name the folder of matbench_*.json.gz}"

generate: setup ## write every generated file anew (schema, catalog, docs pages)
	@$(IN_ROOT) .venv/bin/python tools/generate.py

clean: ## delete what the set-up and the runs made
	@$(IN_ROOT) rm -rf .venv .stamp-setup runs site .mypy_cache .ruff_cache .pytest_cache
