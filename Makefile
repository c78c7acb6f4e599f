# Bare `make` lists the targets. Every target that needs the environment builds it first.
.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
COMPILE := $(BIN)/uv pip compile pyproject.toml --quiet --universal --python-version 3.11 \
  --generate-hashes --no-emit-index-url --no-annotate --no-header

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  \033[1m%-9s\033[0m %s\n", $$1, $$2}'

$(VENV)/.installed: requirements/dev.txt
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' || \
	  { echo "Allot needs Python 3.11 to 3.13; name one with: make PYTHON=python3.11 …"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes --no-deps -r requirements/uv.txt
	PYTHONDONTWRITEBYTECODE= $(BIN)/uv pip sync --quiet --python $(BIN)/python --require-hashes \
	  --compile-bytecode requirements/dev.txt
	@touch $@

.PHONY: lock
lock: ## resolve the hashed requirement locks anew
	$(COMPILE) --extra serving --extra pipeline --extra stack --group dev -o requirements/dev.txt
	@# The images' locks are subsets of the development lock: what is tested is what ships.
	grep -oE '^[a-z0-9-]+==[^\\]+' requirements/dev.txt > requirements/.pins
	$(COMPILE) --extra pipeline -c requirements/.pins -o requirements/pipeline.txt
	$(COMPILE) --extra serving -c requirements/.pins -o requirements/serving.txt
	@rm requirements/.pins

.PHONY: clean
clean: down ## stop the stack and delete its state
	rm -rf .allot
