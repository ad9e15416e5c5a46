# Everything a person or a pipeline does with this repository. Needs Python 3.11 or newer and make.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

VENV := .venv
BIN := $(VENV)/bin
PORT ?= 8000
export UV_PYTHON_DOWNLOADS := never

# A stamp says which locked set is installed: the second call of any target installs nothing.
BOOTSTRAPPED := $(VENV)/.bootstrapped
BASE_INSTALLED := $(VENV)/.base-installed
DEV_INSTALLED := $(VENV)/.dev-installed
# Where the development set is installed, the base set is a part of it.
RUNTIME := $(if $(wildcard $(DEV_INSTALLED)),$(DEV_INSTALLED),$(BASE_INSTALLED))

PYTEST := $(BIN)/python -m pytest
WORKERS ?= auto
# The SQLite part must not find a database or broker that the shell happens to name.
ON_SQLITE := env -u DATABASE_URL -u REDIS_URL
FOUND_CHROMIUM = $(shell $(BIN)/python -m tests.servers.chromium)
COMPILE := $(BIN)/uv pip compile --quiet --python-version 3.11 --generate-hashes --no-emit-index-url --no-header

.PHONY: help
help: ## list what can be done here
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(BOOTSTRAPPED): requirements/bootstrap.txt
	@python=$$(command -v python3.11 || command -v python3 || true); \
	if [ -z "$$python" ] || ! "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then \
		echo "Commonwatt needs Python 3.11 or newer, and found neither python3.11 nor a python3 that is." >&2; \
		echo "Install it (for example: apt-get install python3.11 python3.11-venv) and try again." >&2; \
		exit 1; \
	fi; \
	if [ ! -x $(BIN)/python ] && ! "$$python" -m venv $(VENV); then \
		rm -rf $(VENV); \
		echo "$$python cannot make a virtual environment. On Debian and Ubuntu: apt-get install python3-venv" >&2; \
		exit 1; \
	fi
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/bootstrap.txt
	@touch $@

$(BASE_INSTALLED): requirements/base.txt | $(BOOTSTRAPPED)
	$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements/base.txt
	@touch $@

$(DEV_INSTALLED): requirements/dev.txt | $(BOOTSTRAPPED)
	$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements/dev.txt
	@touch $@

.PHONY: setup
setup: $(DEV_INSTALLED) ## make .venv with everything that development needs

.PHONY: run
run: $(RUNTIME) ## install, prepare and serve everything in this terminal (PORT=8000, COMMONWATT_DATA_DIR=var)
	@exec $(BIN)/python manage.py serve --port $(PORT)

.PHONY: lint
lint: setup ## style, types, the staircase, templates, forgotten migrations
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-cache
	$(BIN)/mypy .
	$(BIN)/djlint templates --lint --quiet
	data=$$(mktemp -d); trap 'rm -rf "$$data"' EXIT; \
		$(ON_SQLITE) COMMONWATT_DATA_DIR="$$data" $(BIN)/python manage.py makemigrations --check --dry-run

.PHONY: typecheck
typecheck: setup ## strict types alone
	$(BIN)/mypy .

.PHONY: format
format: setup ## rewrite the code in the one style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

.PHONY: test
test: lint test-sqlite test-servers test-browser-if-possible ## everything: style, both databases, browser journeys

.PHONY: test-sqlite
test-sqlite: setup ## the suite on SQLite
	$(ON_SQLITE) $(PYTEST) -n $(WORKERS) --dist worksteal -m "not browser" tests

.PHONY: test-servers
test-servers: setup ## the suite on a real PostgreSQL and Redis (its own, or DATABASE_URL and REDIS_URL)
	$(BIN)/python -m tests.servers -- $(PYTEST) -n $(WORKERS) --dist worksteal -m "not browser" tests/integration

.PHONY: test-browser
test-browser: setup ## journeys through a real Chromium
	@if [ -z "$(FOUND_CHROMIUM)" ]; then exit 1; fi
	$(ON_SQLITE) CHROMIUM="$(FOUND_CHROMIUM)" $(PYTEST) -m browser tests/browser

.PHONY: test-browser-if-possible
test-browser-if-possible: setup
	@if $(BIN)/python -m tests.servers.chromium --install >/dev/null; then \
		$(MAKE) --no-print-directory test-browser; \
	elif [ -n "$${REQUIRE_BROWSER:-}" ]; then \
		echo "REQUIRE_BROWSER is set and there is no Chromium: the journeys did not run." >&2; exit 1; \
	else \
		echo; \
		echo "##################################################################################"; \
		echo "#  THE BROWSER JOURNEYS DID NOT RUN: there is no Chromium on this machine.        #"; \
		echo "#  Install one (Debian: apt-get install chromium) or name it: CHROMIUM=/path/to/it #"; \
		echo "#  then: make test-browser                                                        #"; \
		echo "##################################################################################"; \
	fi

.PHONY: bench
bench: setup ## the benchmarks, one after the other
	@shopt -s nullglob; for file in benchmarks/[a-z]*.py; do echo "== $$file"; $(BIN)/python "$$file"; done

.PHONY: lock
lock: setup ## choose the newest allowed packages and write them down with their hashes
	$(COMPILE) requirements/bootstrap.in -o requirements/bootstrap.txt
	$(COMPILE) requirements/base.in -o requirements/base.txt
	$(COMPILE) requirements/dev.in -o requirements/dev.txt

.PHONY: clean
clean: ## remove .venv and every cache; data in var/ stays
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis test-results
	find . -name __pycache__ -type d -not -path './.git/*' -prune -exec rm -rf {} +
