# refloat: `make help` lists what there is to do.
# Everything is made inside this directory: .venv (Python) and .cache (tools); `make clean` removes both.

PYTHON ?= python3
PY := .venv/bin/python
LOCKED := --quiet --disable-pip-version-check --require-hashes
SERVE := .venv/.serve
DEVELOP := .venv/.develop

export KEEP PROOF_SCALE PROOF_SEED FUZZ_GOAL FUZZ_SEED

.DEFAULT_GOAL := help
.PHONY: help setup demo test lint bench bench-scale proof proof-selftest fuzz fuzz-selftest conformance openapi wire fresh lock clean

help: ## Say what each target does
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | \
		while IFS="$$(printf '\t')" read -r name text; do printf '  make %-15s %s\n' "$$name" "$$text"; done

setup: $(SERVE) ## Create .venv with the refloat command in it, from locked and hashed dependencies

demo: $(SERVE) ## Delete real images, take it back, compare every byte (KEEP=1 leaves the server running)
	@$(PY) -m tools.demo

test: $(DEVELOP) lint ## Install the real clients that are missing, then run every check and test
	@$(PY) tools/provision.py test $(if $(filter true,$(CI)),wire)
	@$(PY) -m pytest

lint: $(DEVELOP) ## Check style, types and the walls between the rooms
	@.venv/bin/ruff check --quiet .
	@.venv/bin/mypy
	@.venv/bin/lint-imports

bench: $(DEVELOP) ## Measure refloat beside the reference registry and write docs/benchmarks.md
	@$(PY) tools/provision.py bench
	@$(PY) -m tools.bench

bench-scale: $(DEVELOP) ## Measure a registry of a million tags beside one of ten thousand and write docs/scale.md
	@$(PY) -m tools.scale $(if $(KEEP),--keep)

proof: $(DEVELOP) ## Try to make refloat lose something, by force, and print what was tried (PART=faults for one)
	@$(PY) tools/provision.py proof
	@$(PY) -m tools.proof $(PART) $(if $(LEDGER),--ledger)

proof-selftest: $(DEVELOP) ## Plant each part's fault and see that the part finds it
	@$(PY) tools/provision.py proof
	@$(PY) -m tools.proof --selftest $(PART)

fuzz: $(DEVELOP) ## Read what nobody would write, half a million inputs for each reader (TARGET=pattern for one)
	@$(PY) -m tools.fuzz $(TARGET)

fuzz-selftest: $(DEVELOP) ## Plant faults in each reader and see that the fuzzer finds them
	@$(PY) -m tools.fuzz --selftest $(TARGET)

conformance: $(DEVELOP) ## Let the OCI suite judge a fresh server and write docs/conformance.md
	@$(PY) tools/provision.py test
	@$(PY) -m tools.conformance

openapi: $(SERVE) ## Write docs/openapi.json from the table of addresses
	@$(PY) -m tools.openapi

wire: $(DEVELOP) ## Capture delete and restore on the wire and write docs/wire.md (needs root, or leave to capture)
	@$(PY) tools/provision.py wire
	@$(PY) -m tools.wire_capture

fresh: ## Run make demo and make test in a new Debian 12 root (needs root and debootstrap)
	@tools/fresh.sh

lock: $(DEVELOP) ## Pin the newest allowed dependencies into requirements/*.txt
	@tools/lock.sh

clean: ## Remove .venv and .cache
	rm -rf .venv .cache

# A virtual environment that holds exactly what the lock says, and refloat from this directory.
$(SERVE): requirements/serve.txt pyproject.toml
	@echo "setup: .venv from requirements/serve.txt (what the server and the command need)"
	@test -x $(PY) || $(PYTHON) -m venv .venv
	@$(PY) -m pip install $(LOCKED) -r requirements/serve.txt
	@$(PY) -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

$(DEVELOP): requirements/develop.txt $(SERVE)
	@echo "setup: .venv from requirements/develop.txt (pytest, ruff, mypy and other judges of the code)"
	@$(PY) -m pip install $(LOCKED) -r requirements/develop.txt
	@touch $@
