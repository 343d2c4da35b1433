# Everything stays inside the checkout: .venv, node_modules and .cache. Nothing is installed elsewhere.
PORT ?= 8000
DATA ?= ./data
PYTHON ?= python3
# Never from the environment, where a variable of this name is mostly another program's.
DATABASE := $(if $(filter command,$(origin DATABASE_URL)),$(DATABASE_URL))
UV_VERSION := 0.13.9

export UV_CACHE_DIR := $(CURDIR)/.cache/uv
export PIP_CACHE_DIR := $(CURDIR)/.cache/pip
export npm_config_cache := $(CURDIR)/.cache/npm
export npm_config_update_notifier := false
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export ETH_HASH_BACKEND := pysha3
# Without bytecode every `tally` compiles the whole house first, and the tests start hundreds.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-every-database test-python test-contracts test-invariants bench lint contracts revision brownie slither clean

help: ## What there is to make
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 18

setup: .venv/.ready node_modules/.ready ## Bring everything along: uv, libraries, Anvil, forge, the compiler

demo: setup ## Play the coffee chain and serve it: make demo PORT=8123 DATA=/some/dir DATABASE_URL=postgresql://…
	@exec .venv/bin/tally demo --port $(PORT) --data "$(DATA)" $(if $(DATABASE),--database-url "$(DATABASE)")

test: setup test-contracts test-python ## All tests: contracts (forge) and Python; on PostgreSQL too, where it is installed

test-contracts: setup
	node_modules/.bin/forge test

test-invariants: setup ## 5,000 sequences of 500 calls on DeliveryEscrow: an hour or more
	FOUNDRY_PROFILE=long node_modules/.bin/forge test --match-path 'tests/forge/escrow/invariants/*' --match-test invariant_

test-python: setup
	.venv/bin/pytest -n 2 --dist loadfile --no-loadscope-reorder

test-every-database: setup ## The Python tests, the long ones too on SQLite and PostgreSQL
	.venv/bin/pytest -n 2 --dist loadfile --no-loadscope-reorder --every-database

bench: setup ## Measure what the README claims: one table, and bench.json
	.venv/bin/python -m scripts.bench

lint: setup ## ruff, mypy and forge fmt
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	node_modules/.bin/forge fmt --check

slither: setup ## Static analysis of the contracts, in an environment of its own
	scripts/slither.sh

brownie: setup ## brownie compile and its smoke test, in an environment of its own
	scripts/brownie.sh smoke

contracts: setup ## Rebuild ledger/artifacts from contracts/ through py-solc-x
	.venv/bin/python -m scripts.compile

revision: setup ## After a change to a table: make revision NAME="what changes" writes the migration
	@.venv/bin/python -m scripts.revision "$(NAME)"

.venv/bin/uv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.11 ...")'
	$(PYTHON) -m venv .venv
	.venv/bin/pip install --quiet uv==$(UV_VERSION)

.venv/.ready: requirements/dev.txt pyproject.toml .venv/bin/uv
	.venv/bin/uv pip install --quiet --compile-bytecode --python .venv/bin/python --require-hashes -r requirements/dev.txt
	.venv/bin/uv pip install --quiet --python .venv/bin/python --no-deps --editable .
	@touch $@

node_modules/.ready: package-lock.json
	npm ci --loglevel=error --no-audit --no-fund
	@touch $@

clean: ## Remove what setup brought (not the data)
	rm -rf .venv .venv-brownie .venv-slither node_modules .cache .home build
