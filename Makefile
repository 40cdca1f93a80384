# The whole day: set up, demo, test, lint, generate, bench. Each target sets up what it needs.
.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin
REPO ?=
WORKERS ?= 3
POSTGRES_BIN ?= /usr/lib/postgresql/15/bin

.PHONY: help setup demo test test-postgres lint generate lock cluster cluster-parts cluster-down demo-cluster images bench clean
help:  ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

setup: .venv/.installed  ## make .venv with everything that the project needs

.venv/.installed: pyproject.toml requirements/dev.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements/dev.txt
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

demo: setup  ## index this repository, or REPO=URL-or-path, from nothing, and look at the result
	$(BIN)/indexjob demo $(REPO)

test-postgres: setup  ## the tests of Postgres against POSTGRES_BIN=/usr/lib/postgresql/15/bin, say
	INDEXJOB_TEST_POSTGRES_BIN=$(POSTGRES_BIN) $(BIN)/pytest tests/postgres tests/faults

lint: setup  ## ruff, mypy strict, the walls between the parts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

test: setup lint  ## everything that CI runs, a file of tests a process at a time
	@$(BIN)/python -m tests.cluster packages
	$(BIN)/pytest --numprocesses $(WORKERS) --dist loadfile

generate: setup  ## make the generated files again (a test holds them equal)
	$(BIN)/python -m generate

COMPILE = $(BIN)/uv pip compile --quiet --generate-hashes --universal --python-version 3.11 --no-header --no-emit-index-url
lock: setup  ## pin every dependency again, with hashes
	$(COMPILE) --extra dev pyproject.toml requirements/build.in -o requirements/dev.txt
	$(COMPILE) -c requirements/dev.txt requirements/build.in -o requirements/build.txt
	$(COMPILE) -c requirements/dev.txt --extra operator pyproject.toml -o requirements/operator.txt
	$(COMPILE) -c requirements/dev.txt --extra worker pyproject.toml -o requirements/worker.txt

cluster:  ## a real Kubernetes on this machine, as root; prints the KUBECONFIG
	@$(MAKE) --no-print-directory --jobs=2 setup cluster-parts
	@$(BIN)/python -m tests.cluster up

cluster-parts:  # what it is made of needs nothing of setup's; what this couldn't bring, `up` tries again
	@$(PYTHON) -m tests.cluster prepare || true

cluster-down: setup  ## end it; leaves nothing
	@$(BIN)/python -m tests.cluster down

demo-cluster: setup  ## the whole product on that cluster (or kind), as root: one kubectl apply and one row, watched to the end
	@$(BIN)/python -m tests.cluster demo

images: setup  ## build both images into dist/images, on BASE=image if given
	@$(BIN)/python -m tests.cluster images $(if $(BASE),--base $(BASE))

bench: setup  ## measure every figure that the README states
	$(BIN)/python -m bench

clean:  ## remove what setup made
	rm -rf .venv
