# Both targets work from a bare checkout with only Python >= 3.11 and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
OUT ?= runs/default
# The extra peers stays out: what benchmarks compare with is heavy, and tests do without.
LOCKED := test lint lock
export JAX_PLATFORMS ?= cpu

.PHONY: run test test-fast setup lint lock clean

run: $(VENV)/.ready  ## schedule the embedded week, print the table, write the plots
	$(BIN)/jaxsched run --out $(OUT) --overwrite

test: lint  ## lint, type-check, run every test
	$(BIN)/python -m pytest -n 2 --dist worksteal

test-fast: $(VENV)/.ready  ## a subset that takes less than a minute
	$(BIN)/python -m pytest -n 2 --dist worksteal -m fast

lint: $(VENV)/.ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright --pythonpath $(BIN)/python

setup: $(VENV)/.ready

$(VENV)/.ready: requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "jaxsched needs Python 3.11 or newer")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@

lock: ## resolve the newest versions that pyproject.toml allows
	$(BIN)/pip-compile --quiet --strip-extras $(LOCKED:%=--extra %) --no-emit-index-url --no-emit-find-links \
		--no-emit-trusted-host --allow-unsafe --no-header --build-deps-for editable --output-file requirements.lock pyproject.toml

clean:
	rm -rf $(VENV) runs
