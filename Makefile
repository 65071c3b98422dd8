# The commands of this project; `make help` lists them. Needs make, a POSIX shell and Python 3.11+.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
SHELL := /bin/sh
# Tests start chaos hundreds of times: it is compiled once, whatever the environment says of bytecode.
unexport PYTHONDONTWRITEBYTECODE

VENV := .venv
PY := $(VENV)/bin/python
CHAOS := $(VENV)/bin/chaos
PIP := $(PY) -m pip --disable-pip-version-check --quiet
RUNTIME := $(VENV)/.installed
DEV := $(VENV)/.installed-dev

.PHONY: help setup run test check lint live bench bench-zookeeper plans plans-zookeeper sweep sweep-processes clean

help: ## list these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-17s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(DEV) ## create .venv and install chaos with its development tools

run: $(RUNTIME) ## run plans/leader-pause.yaml: pause a leader, watch the next one
	$(CHAOS) run plans/leader-pause.yaml

test: $(DEV) ## run every test, three workers for two cores
	$(PY) -m pytest -n auto

check: lint test ## lint, format, types, layers and tests: what must be green before a commit

lint: $(DEV)
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy
	$(VENV)/bin/lint-imports

live: $(DEV) ## run only the tests that start real processes
	$(PY) -m pytest -n auto -m live

bench: $(DEV) ## measure: start-up, message rate, simulated elections a second
	$(PY) -m tests.bench.bench

bench-zookeeper: $(DEV) ## measure the same fail-overs on our peers and on ZooKeeper, in turns
	$(PY) -m tests.bench.zookeeper

plans: $(RUNTIME) ## run every plan of plans/, and name those that are not green
	@bad=; for plan in plans/*.yaml; do \
	  $(CHAOS) run "$$plan" || bad="$$bad $$plan(exit $$?)"; \
	done; \
	if [ -n "$$bad" ]; then echo "not green:$$bad" >&2; exit 1; fi

plans-zookeeper: $(DEV) ## run every plan and split on real servers, and on them beside our peers
	$(PY) -m pytest -n auto --every-plan \
	  tests/zookeeper/test_plans_on_servers.py tests/zookeeper/test_rows_on_systems.py \
	  tests/zookeeper/test_mixed_splits.py

sweep: $(DEV) ## run SEEDS=100 random plans, simulated: unbroken peers must give no alarm
	$(PY) -m tests.bench.sweep $(or $(SEEDS),100)

sweep-processes: $(DEV) ## the same, RUNS=20 of them, on processes, for at most MINUTES=30
	$(PY) -m tests.bench.sweep_processes \
	  $(or $(RUNS),20) $(or $(FIRST),0) $(or $(MINUTES),30) $(or $(WORKERS),1)

clean: ## remove .venv and all caches; reports/ is left alone
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find chaos tests -name __pycache__ -type d -prune -exec rm -rf {} +

# Stamps: each is newer than pyproject.toml when what it names is installed.
# Declared dependencies alone decide, so a second `make` starts at once.
$(RUNTIME): pyproject.toml
	@$(PY) -m pip --version >/dev/null 2>&1 || \
	  { python=$$(sh .ci/find-python) && "$$python" -m venv --clear $(VENV); }
	$(PIP) install --editable '.[zookeeper]'
	@touch $@

$(DEV): $(RUNTIME)
	$(PIP) install --editable '.[zookeeper,dev]'
	@touch $@
