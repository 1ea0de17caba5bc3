# Everything begins here: `make help`. A fresh machine needs Python 3.11 (or newer) and make, nothing else.
#
# All that is made lies in .venv and .grainline of this folder, so two checkouts never meet. Stamps in .venv
# carry a checksum of what they stand for: a second start installs nothing, a changed lock file does.

SHELL := /bin/sh
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

VENV := .venv
BIN := $(VENV)/bin

# The first Python that is new enough; a name that exists but does not run (pyenv) is passed over.
FIND_PYTHON := for name in python3.11 python3.12 python3.13 python3.14 python3 python; do \
	if $$name -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; \
	then command -v $$name; break; fi; done
PYTHON ?= $(shell $(FIND_PYTHON))

# A virtual environment knows its own path, and an installed package its metadata: both are in the key.
checksum = $(shell { pwd; cat $(1) pyproject.toml; } | cksum | tr -d ' ')
MADE := $(VENV)/.made-$(shell { pwd; echo $(PYTHON); } | cksum | tr -d ' ')
RUN := $(VENV)/.run-$(call checksum,requirements/run.txt)
DEV := $(VENV)/.dev-$(call checksum,requirements/dev.txt)

PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input
INSTALL := $(PIP) install --quiet --require-hashes --requirement
INSTALL_PROJECT := $(PIP) install --quiet --no-deps --no-build-isolation --editable .
COMPILE := $(BIN)/uv pip compile --quiet --upgrade --generate-hashes --universal --python-version 3.11 \
	--no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" pyproject.toml --extra build

.PHONY: help run test check programs format openapi bench lock clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-10s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

run: $(RUN) ## Start everything, the database included (PORT=8000, DATABASE_URL, GRAINLINE_DATA)
	@exec $(BIN)/grainline up

test: check programs ## Check everything and run all tests against a PostgreSQL of their own
	$(BIN)/python -m pytest --numprocesses=2 --dist=loadfile $(PYTEST_ARGS)

check: $(DEV) ## Format, lint, types, imports, generated files (no tests)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m app.cli openapi --check

# What opens the papers in tests: LibreOffice for workbooks, pdftotext for PDF. Tests that need them say so.
programs:
	@command -v soffice >/dev/null && command -v pdftotext >/dev/null || { \
		test "$$(id -u)" = 0 && command -v apt-get >/dev/null || { echo "Tests of the papers need LibreOffice Calc and" \
			"pdftotext. On Debian and Ubuntu, as root: apt-get install --no-install-recommends" \
			"libreoffice-calc-nogui poppler-utils" >&2; exit 1; }; \
		echo "Installing LibreOffice Calc and pdftotext, which open the papers in tests"; \
		install="apt-get install -y -qq --no-install-recommends libreoffice-calc-nogui poppler-utils"; \
		$$install >/dev/null 2>&1 || { apt-get update -qq && $$install >/dev/null; }; }

format: $(DEV) ## Rewrite the code in the house format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

openapi: $(DEV) ## Write docs/openapi.json and docs/problems.md anew
	$(BIN)/python -m app.cli openapi

bench: $(DEV) ## Measure orders and redemptions as ratios to a request that does nothing
	@command -v wrk >/dev/null || apt-get install -y wrk
	$(BIN)/python -m bench $(BENCH_ARGS)

lock: $(MADE) ## Choose the newest allowed versions and write requirements/*.txt
	$(PIP) install --quiet uv
	$(COMPILE) --output-file requirements/run.txt
	$(COMPILE) --extra dev --constraint requirements/run.txt --output-file requirements/dev.txt

clean: ## Remove what was made, but not the data in .grainline
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(MADE):
	@test -n "$(PYTHON)" || { echo "Grainline needs Python 3.11 or newer, and none was found." \
		"Install it, or name it: make PYTHON=/path/to/python3.11 $(MAKECMDGOALS)" >&2; exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "$(PYTHON) is not Python 3.11 or newer." >&2; exit 1; }
	@"$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null || { echo "$(PYTHON) cannot make virtual environments." \
		"On Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	@echo "Making $(VENV) with $(PYTHON)"
	@rm -rf $(VENV)
	@"$(PYTHON)" -m venv $(VENV)
	@touch $@

$(RUN): | $(MADE)
	@echo "Installing what Grainline needs (requirements/run.txt)"
	@$(INSTALL) requirements/run.txt
	@$(INSTALL_PROJECT)
	@$(BIN)/python -m compileall -q app
	@rm -f $(VENV)/.run-*
	@touch $@

# The development lock contains the other one, version for version.
$(DEV): | $(MADE)
	@echo "Installing what its tests need (requirements/dev.txt)"
	@$(INSTALL) requirements/dev.txt
	@$(INSTALL_PROJECT)
	@$(BIN)/python -m compileall -q app
	@rm -f $(VENV)/.dev-* $(VENV)/.run-*
	@touch $@ $(RUN)
