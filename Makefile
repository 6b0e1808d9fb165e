# What people and .ci/run type. `make` alone lists it.
.DEFAULT_GOAL := help
.PHONY: help run test check replay random-acts screenshots bench bench-wt bench-table bench-polling bench-told bench-arrivals bench-report sample notebooks lock clean

BIN := .venv/bin
# .venv is set up once, and again when what it is made from changes.
INSTALLED := .venv/.installed
# The solver's kernels are compiled once, so that the first run after an installation is as quick as the second.
COMPILED := .venv/.compiled
# The client that tests generate from the OpenAPI document, with nothing of ours beside it.
CLIENT := tests/client/.venv/.installed
# What tests meet that npm has (an identity provider, axe); without npm those tests are skipped.
PEER_LOCKS := $(wildcard tests/*/*/package-lock.json)
PEERS := $(PEER_LOCKS:package-lock.json=node_modules/.installed)
NOTEBOOKS := $(wildcard notebooks/*.ipynb)
# Two at most: the database tests start servers of their own.
TEST_WORKERS ?= 2

help: ## list these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: export BALANCER_SHIFT_TO_PRESENT := 1
run: export BALANCER_SIGN_IN := local
run: $(COMPILED) ## set up, take in the Kent sample, allocate it and serve worklists at http://127.0.0.1:8000
	$(BIN)/balancer serve --network data/kent

test: $(COMPILED) $(PEERS) $(CLIENT) ## set up and run the tests (with CI=true a skipped test is a failure)
	$(BIN)/python -m pytest --numprocesses $(TEST_WORKERS)

check: $(INSTALLED) ## everything but the tests: style, types, imports between rooms, lock, notebooks, committed files
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(if $(NOTEBOOKS),$(BIN)/nbstripout --verify $(NOTEBOOKS))
	$(BIN)/python -m pytest --quiet tests/house

notebooks: $(COMPILED) ## run every notebook from its first cell to its last
	$(if $(NOTEBOOKS),$(BIN)/python -m pytest --nbmake $(NOTEBOOKS),@echo "there are no notebooks")

replay: $(COMPILED) ## a day in 24 minutes against the service, killed ten times; ARGS="--database postgresql --seed 2"
	$(BIN)/python -m tests.replay $(ARGS)

random-acts: $(COMPILED) ## whatever people can do, at random, upon a Monday morning, and whether all rules hold; ARGS="--seed 2 --acts 300"
	$(BIN)/python -m tests.random_acts $(ARGS)

screenshots: $(COMPILED) $(PEERS) ## look at every page of a Monday morning, which it starts itself, and keep what is seen in docs
	$(BIN)/python -m tests.web.screenshots

bench: $(COMPILED) ## Balancer and its peers on the same instances (what has no result yet); ARGS="--sizes small"
	$(BIN)/python -m tests.benchmarks.peers.run $(ARGS)

bench-wt: $(COMPILED) ## OR-Library's weighted tardiness against its optima; INSTANCES=folder
	$(if $(INSTANCES),,$(error name the folder of wt40.txt and wtopt40.txt: make bench-wt INSTANCES=folder))
	$(BIN)/python -m tests.benchmarks.external_truth $(INSTANCES) $(ARGS)

bench-table: $(COMPILED) ## Kent to England, three loads, three seeds (what has no result yet); ARGS="--rows Kent"
	$(BIN)/python -m tests.benchmarks.table $(ARGS)

bench-polling: $(COMPILED) ## clients that poll, as ratios to an empty route; ARGS="--caller key --database postgresql" or "--only standards"
	$(BIN)/python -m tests.benchmarks.polling.run $(ARGS)

bench-told: $(COMPILED) ## how soon every side is told who has a read, by that of the claim's own request; ARGS="--races 12"
	$(BIN)/python -m tests.benchmarks.told $(ARGS)

bench-arrivals: $(COMPILED) ## from an emergency's arrival to list and PACS; ARGS="--by file --database postgresql"
	$(BIN)/python -m tests.benchmarks.arrivals $(ARGS)

bench-report: $(INSTALLED) ## write docs/benchmarks from the results that are there
	$(BIN)/python -m tests.benchmarks.report

sample: $(INSTALLED) ## write the synthetic Kent sample in data/kent afresh (the same bytes every time)
	$(BIN)/balancer sample data/kent

lock: ## bring requirements.lock in line with pyproject.toml (UPGRADE=1 takes the newest of everything); needs uv
	@uv --version >/dev/null 2>&1 || { echo "make lock needs uv"; exit 1; }
	uv pip compile --quiet --universal --fork-strategy fewest --python-version 3.11 --generate-hashes --no-header \
	  --only-binary :all: $(if $(UPGRADE),--upgrade) --group dev --group bench pyproject.toml --output-file requirements.lock
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --only-binary :all: \
	  $(if $(UPGRADE),--upgrade) tests/client/requirements.in --output-file tests/client/requirements.lock

clean: ## remove .venv, caches and the local database (var/)
	rm -rf .venv var dist $(dir $(PEERS)) tests/client/.venv .hypothesis .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
	find . -type d -name __pycache__ -prune -exec rm -rf {} +

$(INSTALLED): requirements.lock pyproject.toml tools/setup
	@tools/setup
	@touch $@

%/node_modules/.installed: %/package-lock.json
	@tools/setup-peers $<

$(CLIENT): tests/client/requirements.lock tools/setup-client $(INSTALLED)
	@tools/setup-client

$(COMPILED): $(INSTALLED) $(wildcard balancer/optimise/*.py)
	@if [ -f balancer/optimise/warm.py ]; then echo "Compiling the solver"; $(BIN)/python -m balancer.optimise.warm; fi
	@touch $@
