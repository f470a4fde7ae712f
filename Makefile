# Each target does its own set-up first: a .venv with the packages, once; later runs need no network.
#   PYTHON    interpreter to build .venv from, 3.11 or newer
#   CONFIG    preset to train or summarize       WORKDIR   folder of the run
#   ARGS      more flags for launch.py           PYTEST_ARGS  flags for pytest

PYTHON ?= python3
CONFIG ?= configs/shapes.py
WORKDIR ?= runs/$(basename $(notdir $(CONFIG)))
ARGS ?=
PYTEST_ARGS ?=

BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check

.PHONY: help train summary test lint clean

help:
	@echo 'make train    train on the built-in shapes; CONFIG=configs/X.py WORKDIR=runs/X for others,'
	@echo '              ARGS=--config.train.batch_size=8 for more flags; again: goes on'
	@echo 'make summary  print the networks of CONFIG layer by layer'
	@echo 'make test     run every test; PYTEST_ARGS="-k ema -x" for some'
	@echo 'make lint     check style and formatting'
	@echo 'make clean    remove .venv and caches; keeps runs and data sets'

train: .venv/ready
	@$(BIN)/python launch.py train --config=$(CONFIG) --workdir=$(WORKDIR) $(ARGS)

summary: .venv/ready
	@$(BIN)/python launch.py summary --config=$(CONFIG) $(ARGS)

# A test that kills its worker would be begun again and again.
test: .venv/ready-dev
	@$(BIN)/python -m pytest --numprocesses=auto --maxprocesses=4 --dist=loadfile \
	  --no-loadscope-reorder --max-worker-restart=2 $(PYTEST_ARGS)

lint: .venv/ready-dev
	@$(BIN)/ruff check && $(BIN)/ruff format --check

clean:
	@rm -rf .venv .pytest_cache .ruff_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The first interpreter that is new enough, PYTHON before the versions by name.
.venv/bin/python:
	@for candidate in '$(PYTHON)' python3.13 python3.12 python3.11; do \
	  if "$$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	    echo "setting up .venv with $$("$$candidate" --version)"; \
	    "$$candidate" -m venv --clear .venv || { rm -rf .venv; exit 1; }; exit 0; \
	  fi; \
	done; \
	echo 'error: Python 3.11 or newer is needed, and $(PYTHON) is not:' \
	  'install one, or name it: make PYTHON=/path/to/python3.11' >&2; exit 1

.venv/ready: requirements.txt | .venv/bin/python
	@echo 'installing the packages of $< into .venv (once, takes minutes)'
	@$(PIP) -r $<
	@touch $@

# jax2onnx would pin Orbax to old versions, for what it is not used for here.
.venv/ready-dev: requirements-dev.txt .venv/ready | .venv/bin/python
	@echo 'installing the test tools of $< into .venv'
	@$(PIP) -r $<
	@$(PIP) --no-deps 'jax2onnx>=0.17.1'
	@touch $@
