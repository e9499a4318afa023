# Everything a newcomer needs: `make demo` and `make test` set up all they use, in .venv, and nothing else.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
UV     := $(BIN)/uv
UV_VERSION := 0.13.8
# Each with a PostgreSQL of its own; much of the time of the tests is waiting, so more of them than cores are quicker.
TEST_WORKERS ?= 4

# Programs are started again and again: none compiles anew what another has compiled.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help setup setup-test demo test lint format types contracts chromium pytest test-long screenshots test-previous carts crash crash-payments crash-planted overload cluster-test benchmarks reference lock clean

help:  ## Show the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

$(UV):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Heard needs Python 3.11 or newer; name one with: make PYTHON=python3.12")'
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)

$(VENV)/.runtime: locks/runtime.txt pyproject.toml | $(UV)
	@$(UV) pip install --quiet --compile-bytecode --python $(BIN)/python --require-hashes --requirement locks/build.txt --requirement locks/runtime.txt
	@$(UV) pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: locks/dev.txt locks/otel.txt $(VENV)/.runtime
	@$(UV) pip install --quiet --compile-bytecode --python $(BIN)/python --require-hashes --requirement locks/dev.txt --requirement locks/otel.txt
	@touch $@

setup: $(VENV)/.runtime  ## Make .venv with the locked dependencies

setup-test: setup $(VENV)/.dev  ## ... and what the tests need

demo: setup  ## Watch orders travel from their channels through the hub into a POS and back
	@$(BIN)/heard demo

test: setup-test lint types contracts pytest  ## Lint, types, import contracts, all tests

lint: setup-test  ## Style, checked by ruff
	@$(BIN)/ruff check src tests tools
	@$(BIN)/ruff format --check src tests tools

format: setup-test  ## Let ruff put the code in order
	@$(BIN)/ruff check --fix src tests tools
	@$(BIN)/ruff format src tests tools

types: setup-test  ## Types, checked by mypy --strict
	@$(BIN)/mypy

contracts: setup-test  ## Imports run one way
	@$(BIN)/lint-imports

chromium: setup-test
	@$(BIN)/python tools/chromium.py

pytest: setup-test chromium
	@$(BIN)/pytest -n $(TEST_WORKERS) --dist worksteal --durations=20

test-long: setup-test chromium  ## All tests in full: every await, every real order, five times the examples (half an hour)
	@TEST_LONG=1 $(BIN)/pytest -n $(TEST_WORKERS) --dist worksteal

carts: setup-test  ## A million random carts hold every law of pricing (half an hour); N=1000 SEED=7 for others
	@$(BIN)/python tools/million_carts.py --carts $(or $(N),1000000) --seed $(or $(SEED),2026)

test-previous: setup-test  ## The tests of the release before, on the first halves of this one's schema (minutes)
	@$(BIN)/python tools/previous_release.py $(if $(REF),--ref $(REF))

crash-planted: setup-test  ## Six faults planted in the programs, each of which a storm must find (minutes)
	@CRASH_EVERYWHERE=1 $(BIN)/pytest -n 2 -k planted tests/crash/test_storm.py

overload: setup-test  ## Ten times and more what a hub can bear, for S=20 seconds over C=1000 connections; then the ledgers are read
	@PYTHONPATH=tests $(BIN)/python tests/crash/overload.py --seconds $(or $(S),20) --connections $(or $(C),1000)

crash-payments: setup-test  ## Kill workers and hubs at every await of every road that a payment may go (minutes)
	@CRASH_EVERYWHERE=1 $(BIN)/pytest -n 2 -rP -k "every_await_of_a" tests/crash/test_payment_every_await.py tests/crash/test_ordering_every_await.py

crash: setup-test  ## A storm of N=2000 faults over real processes, then everybody's ledger is read; SEED=7 for another
	@PYTHONPATH=tests $(BIN)/python tests/crash/storm.py --faults $(or $(N),2000) --seed $(or $(SEED),1) $(if $(PAGE),--page $(PAGE))

benchmarks: setup  ## Run every benchmark and write docs/reference/benchmarks.md (half an hour); ONLY=accept,claims for some
	@$(BIN)/python tools/benchmarks.py $(if $(ONLY),--only $(ONLY))

# Patroni and etcd have a folder of their own: neither users nor the suite carry them.
.cluster/.packages: locks/cluster.txt | $(UV)
	@rm -rf .cluster
	@$(UV) pip install --quiet --python $(BIN)/python --target .cluster --require-hashes --build-constraints locks/cluster.txt --requirement locks/cluster.txt
	@touch $@

cluster-test: setup-test .cluster/.packages  ## Failovers of a Patroni cluster under load, then every ledger is read (minutes); N=14 SEED=7 for others
	@PYTHONPATH=tests:tests/crash $(BIN)/python tests/cluster/cluster.py --failovers $(or $(N),7) --seed $(or $(SEED),1) $(if $(PLANTED),--planted $(PLANTED)) $(if $(PAGE),--page $(PAGE))

screenshots: setup-test chromium  ## Pictures of every page of the console, in two sizes, light and dark, in docs/screenshots
	@PYTHONPATH=tests:tests/browser $(BIN)/python tools/screenshots.py

reference: setup  ## Write the pages of docs/reference that are made from the code
	@$(BIN)/python tools/reference.py

lock: $(UV)  ## Renew the lock files from pyproject.toml
	@$(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --upgrade pyproject.toml --output-file locks/runtime.txt
	@$(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --upgrade --extra otel --constraint locks/runtime.txt pyproject.toml --output-file locks/otel.txt
	@$(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --upgrade --group dev --constraint locks/otel.txt --output-file locks/dev.txt
	@$(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --upgrade locks/build.in --output-file locks/build.txt
	@$(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --upgrade locks/cluster.in --output-file locks/cluster.txt

clean:  ## Remove the environment and caches
	rm -rf $(VENV) .cluster .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
