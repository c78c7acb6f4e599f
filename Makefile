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

$(VENV)/.installed: requirements/dev.txt requirements/uv.txt
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' || \
	  { echo "Allot needs Python 3.11 to 3.13; name one with: make PYTHON=python3.11 $(MAKECMDGOALS)"; exit 1; }
	@echo "Installing the locked environment into $(VENV)/ …"
	@$(PYTHON) -c 'import ensurepip, venv' || \
	  { echo "$(PYTHON) cannot make virtual environments; on Debian: apt-get install python3-venv"; exit 1; }
	@# Over an environment of another Python, venv would keep that one's interpreter.
	@test "$$(realpath -m $(BIN)/python)" = "$$(realpath "$$($(PYTHON) -c 'import sys; print(sys.executable)')")" \
	  || rm -rf $(VENV)
	@$(PYTHON) -m venv $(VENV) || \
	  { echo "$(VENV)/ cannot be made: the lines above say why (a full disk, a folder that is not yours?)"; exit 1; }
	@$(BIN)/python -m pip install --quiet --require-hashes --no-deps -r requirements/uv.txt
	@# Compiled once here, the whole stack starts in half the time.
	@PYTHONDONTWRITEBYTECODE= $(BIN)/uv pip sync --quiet --python $(BIN)/python --require-hashes \
	  --compile-bytecode requirements/dev.txt
	@touch $@

.PHONY: up
up: $(VENV)/.installed ## start the whole stack, or what of it does not run
	@$(BIN)/python -m stack up $(PARTS)

.PHONY: down
down: $(VENV)/.installed ## stop the stack; its state stays
	@$(BIN)/python -m stack down

.PHONY: status
status: $(VENV)/.installed ## what runs where, and how it is (JSON=1: for programs)
	@$(BIN)/python -m stack status $(if $(JSON),--json)

.PHONY: logs
logs: $(VENV)/.installed ## ends of the logs (PARTS="serving s3": only these; FOLLOW=1: go on)
	@$(BIN)/python -m stack logs $(if $(FOLLOW),--follow) $(PARTS)

.PHONY: shell
shell: $(VENV)/.installed ## a shell in the stack's environment: airflow, mlflow, psql work in it
	@$(BIN)/python -m stack run

.PHONY: psql
psql: $(VENV)/.installed ## query the reports in PostgreSQL (SQL="select …")
	@$(BIN)/python -m stack psql $(if $(SQL),"$(SQL)")

.PHONY: backup
backup: $(VENV)/.installed ## save the databases (TO=folder; default: .allot/backups)
	@$(BIN)/python -m stack backup $(if $(TO),--to "$(TO)")

.PHONY: restore
restore: $(VENV)/.installed ## put a backup in their place (BACKUP=folder; REPLACE=yes over a stack in use)
	@[ -n "$(BACKUP)" ] || { echo "say which: make restore BACKUP=.allot/backups/allot-…"; exit 1; }
	@$(BIN)/python -m stack restore "$(BACKUP)" $(if $(filter yes,$(REPLACE)),--replace)

.PHONY: upgrade
upgrade: ## after a new version was checked out: save, stop, install, migrate, start
	@# The environment from before reads its own PostgreSQL's data; the new one may not be able to.
	@if [ -e $(VENV)/.installed ]; then $(BIN)/python -m stack upgrade-prepare; fi
	@$(MAKE) --no-print-directory $(VENV)/.installed
	@$(BIN)/python -m stack upgrade

.PHONY: key
key: $(VENV)/.installed ## keys of the API (ARGS="create --name shop --scope decide", "list", "revoke ID")
	@$(BIN)/python -m stack run -- $(BIN)/python -m serving.keys $(ARGS)

.PHONY: demo
demo: $(VENV)/.installed ## run the whole loop on the Open Bandit Dataset, and show what came out
	@$(BIN)/python -m demo

.PHONY: report
report: $(VENV)/.installed ## one experiment on one page (EXPERIMENT=obd-men TO=folder)
	@[ -n "$(EXPERIMENT)" ] || { echo "say which: make report EXPERIMENT=obd-men"; exit 1; }
	@$(BIN)/python -m stack run -- $(BIN)/python -m include.tasks.report "$(EXPERIMENT)" $(if $(TO),--to "$(TO)")

.PHONY: traffic
traffic: $(VENV)/.installed ## play users with known true rates (USERS=20 a second, MINUTES=3, SEED=1)
	@$(BIN)/python -m traffic --users $(or $(USERS),20) --minutes $(or $(MINUTES),3) --seed $(or $(SEED),1)

.PHONY: faults
faults: $(VENV)/.installed ## break every part under load and count (SECONDS=120, ROWS="store kill")
	@$(BIN)/python -m faults $(ROWS) --seconds $(or $(SECONDS),120) --json $(or $(JSON),.allot/faults.json)

.PHONY: check
check: check-code check-sql check-compose ## format, lint, types, import directions, SQL, compose

.PHONY: check-code
check-code: $(VENV)/.installed
	$(BIN)/ruff format --check --quiet
	$(BIN)/ruff check --quiet
	$(BIN)/lint-imports --no-logo
	$(BIN)/mypy

.PHONY: check-sql
check-sql: $(VENV)/.installed
	$(BIN)/sqlfluff lint --disable-progress-bar sql

.PHONY: check-compose
check-compose: $(VENV)/.installed
	$(BIN)/python -m stack.compose

.PHONY: test
test: $(VENV)/.installed ## run the tests, against the real embedded services
	$(BIN)/pytest --numprocesses 2 --dist loadgroup $(ARGS)

.PHONY: bench
bench: $(VENV)/.installed ## measure speed and memory, as ratios in one run
	$(BIN)/python -m bench

.PHONY: study
study: $(VENV)/.installed ## run the simulation studies and write docs/studies
	OMP_NUM_THREADS=1 $(BIN)/python -m studies $(ARGS)

.PHONY: fleet
fleet: $(VENV)/.installed ## 50 simulated experiments through every task (ARGS="--only null-two"); half an hour
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.fleet $(ARGS)

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
