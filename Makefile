# MiniQuantDesk. `make live` and `make test` set everything up by themselves (see scripts/setup).
#
# Needs python3 (3.11 or later, with venv) and make; uses uv where it is on PATH.
# Pass arguments with ARGS, choose the interpreter with PYTHON:
#     make live ARGS="--seed 7"        make test ARGS="-k purity"        make PYTHON=python3.12 test

VENV := .venv
PY := $(VENV)/bin/python
ARGS ?=
export VENV
ifdef PYTHON
export PYTHON
endif

LIVE := $(VENV)/.stamp-live
DEV := $(VENV)/.stamp-dev

# A tree that was moved or copied, whose interpreter is gone, or for which another PYTHON is asked is set up again.
FRESH := $(shell [ -x $(PY) ] && [ "$$(cat $(VENV)/.setup-root 2>/dev/null)" = "$(CURDIR)" ] && \
	{ [ -z "$(PYTHON)" ] || [ "$$(cat $(VENV)/.setup-python 2>/dev/null)" = "$(PYTHON)" ]; } && echo yes)
ifneq ($(FRESH),yes)
STALE := stale
endif

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help live test check prove bench docs pins clean stale

help: ## This list
	@grep -hE '^[a-z]+:.*##' Makefile | sed -E 's/^([a-z]+):[^#]*## */\1|/' | \
		while IFS='|' read -r name text; do printf '  make %-7s %s\n' "$$name" "$$text"; done

live: $(LIVE) ## Trade a whole session on the embedded exchange (no credentials needed)
	@exec $(PY) -m shell.live $(ARGS)

# Two or more files at a time: most tests wait for sockets and clocks. A file's tests stay together and in order.
test: $(DEV) ## Run the tests
	@exec $(PY) -m pytest -n auto --maxprocesses=4 --dist=loadfile $(ARGS)

check: $(DEV) ## Lint, format, types, import contracts, purity, fresh docs
	@exec sh scripts/check

prove: $(DEV) ## Prove the laws of specs/ over all paths
	@exec $(PY) -m specs.prove $(ARGS)

bench: $(DEV) ## Measure against the budgets; fills the table in README.md
	@mkdir -p var
	@$(PY) -m pytest tests/bench --benchmark-only --benchmark-json=var/bench.json $(ARGS)
	@$(PY) -m tests.bench.report var/bench.json

docs: $(DEV) ## Generate the charts' diagrams and the configuration's reference
	@$(PY) -m specs.charts_doc
	@$(PY) -m shell.config --reference

pins: ## Resolve the dependencies anew (for maintainers; needs uv)
	@exec sh scripts/pins

clean: ## Remove .venv and caches; var/ (journals, reports) stays
	@rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .benchmarks
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(LIVE): requirements.txt pyproject.toml scripts/setup $(STALE)
	@sh scripts/setup live

$(DEV): requirements-dev.txt pyproject.toml scripts/setup $(STALE)
	@sh scripts/setup dev
