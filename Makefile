# make demo   the whole pipeline on small real boxes, 10 minutes on 2 cores after installation
# make test   lint, types, unit tests, one short case of each heavy kind, the demo at small size
# make test-all   also what takes minutes
PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3; do command -v $$p >/dev/null 2>&1 && $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' && { echo $$p; break; }; done)
VENV ?= .venv
BIN := $(VENV)/bin
DEMO ?= demo
# One thread a process: the pipeline runs one process a core.
export OMP_NUM_THREADS ?= 1
export PIP_DISABLE_PIP_VERSION_CHECK = 1

.PHONY: demo test test-all test-wheel lint install install-test clean

demo: install
	$(BIN)/iemhpc demo --workspace $(DEMO)

test: lint
	$(BIN)/pytest -m "not slow"

test-all: lint
	$(BIN)/pytest

lint: install-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

# The wheel in an environment of its own, away from the checkout: are all files in it?
test-wheel: install-test
	rm -rf dist .venv-wheel && $(BIN)/python -m build --wheel --no-isolation -o dist . >/dev/null
	$(PYTHON) -m venv .venv-wheel
	.venv-wheel/bin/pip install -q --use-pep517 -c constraints.txt "$$(echo dist/*.whl)[all]" pytest pytest-timeout hypothesis freud-analysis mdanalysis
	bash tests/run_from_wheel.sh .venv-wheel

install: $(VENV)/.installed
install-test: $(VENV)/.installed-test

$(VENV)/bin/python:
	@test -n "$(PYTHON)" || { echo "iemhpc needs Python 3.11 or newer; found $$(python3 --version 2>&1). Install python3.11, or: make PYTHON=/path/to/python3.11"; exit 1; }
	PYTHON=$(PYTHON) bash docker/install-system.sh run
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml constraints.txt | $(VENV)/bin/python
	PYTHON=$(PYTHON) bash docker/install-system.sh run
	$(BIN)/pip install -q --use-pep517 -c constraints.txt -e '.[all]'
	touch $@

$(VENV)/.installed-test: pyproject.toml constraints.txt | $(VENV)/bin/python
	PYTHON=$(PYTHON) bash docker/install-system.sh test
	$(BIN)/pip install -q --use-pep517 -c constraints.txt -e '.[dev]'
	touch $(VENV)/.installed $@

clean:
	rm -rf $(VENV) .venv-wheel dist $(DEMO)
