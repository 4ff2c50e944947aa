# tailstack: the tasks of this checkout. Needs Python 3.11 or newer; everything else is fetched or built on the first run.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# Kept beside the built tools: to ask a package index again for every pin takes most of a minute.
WHEELS := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/tailstack/wheels
PINS := --quiet --require-hashes --requirement requirements/development.txt
INSTALL := $(BIN)/python -m pip install --no-compile --no-index --find-links "$(WHEELS)" $(PINS)

# Modules are compiled once, when they are first used, and not by each of the hundreds of processes that the tests start.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup demo test lint bench clean

help: ## say what can be made
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(READY): requirements/development.txt pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(INSTALL) 2>/dev/null || ( $(BIN)/python -m pip download --dest "$(WHEELS)" $(PINS) && $(INSTALL) )
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	touch $(READY)

setup: $(READY) ## make the virtual environment and build the tools that are missing
	$(BIN)/tailstack sandbox build

demo: $(READY) ## bring up two clusters and a tailnet, show them, break them, mend them (KEEP=1 leaves them up)
	$(BIN)/tailstack sandbox demo $(if $(KEEP),--keep)

# The pure packages are held at 100 % of branches by their own fast tests; the rest runs the engine and real API servers.
PURE_TESTS := tests/charts tests/topology tests/manifests tests/access tests/rules tests/live tests/report tests/test_finding.py tests/test_plain.py tests/test_allocation.py tests/test_layers.py tests/test_make.py
SLOW_ACCESS_TESTS := tests/access/test_conformance.py tests/access/test_hujson_reference.py tests/access/test_headscale.py
# They try hundreds of examples, and no branch hangs on them: measuring them would double what they cost.
PROPERTY_TESTS := tests/access/test_properties.py tests/access/test_restriction_properties.py tests/access/test_explain_properties.py tests/topology/test_properties.py
# Whole modules are handed out in this order: those that take long come first, so that both processes end together.
OTHER_TESTS := tests/program tests/sandbox $(SLOW_ACCESS_TESTS) $(PROPERTY_TESTS) tests/test_action.py tests/deploy tests/mutations tests/components tests/policies tests/engine tests/commands tests/ci tests/workflows

SIDE_BY_SIDE := --numprocesses=2 --dist=loadscope --no-loadscope-reorder

test: setup ## run every test
	$(BIN)/tailstack sandbox build hujson-format headscale chart-1.100 chart-1.104 operator-1.104 actionlint lua
	rm -f .coverage.*
	$(BIN)/coverage run -m pytest --quiet $(SIDE_BY_SIDE) $(PURE_TESTS) $(addprefix --ignore=,$(SLOW_ACCESS_TESTS) $(PROPERTY_TESTS))
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report --fail-under=100
	$(BIN)/python -m pytest --quiet $(SIDE_BY_SIDE) $(OTHER_TESTS)

lint: $(READY) ## check style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright

bench: setup ## measure the speed budgets
	$(BIN)/python -m tests.bench
	$(BIN)/python -m tests.bench components

clean: ## remove what was made in this checkout (the cache of built tools stays)
	rm -rf $(VENV) .sandbox .pytest_cache .ruff_cache .hypothesis .coverage .coverage.* dist
