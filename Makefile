# One file to drive the project: `make demo` shows it working, `make test` proves it.
PYTHON ?= $(shell command -v python3.11 || command -v python3 || echo python3)
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed

# Tests at a time, each with servers of its own: one more than two cores, for many wait for processes to start or to end.
AT_ONCE ?= 3

# Start-up time counts: let Python keep its compiled files, whatever the surroundings say.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: env bench-env fuzz fuzz-env mutation-env browser-env test test-browser test-faults test-faults-long lint demo bench bench-main-job mutation lock clean

env: $(STAMP)

$(STAMP): requirements/dev.lock requirements/uv.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	  || { echo "Python 3.11 or newer is needed (tried: $(PYTHON)). Nothing was installed. Install it, or run: make PYTHON=/path/to/python3 $(MAKECMDGOALS)"; exit 2; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
	  echo "The environment could not be made. Nothing was installed. On Debian and Ubuntu, install python3-venv first."; exit 2; }
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/uv.lock
	$(BIN)/uv pip sync --quiet --compile-bytecode --python $(BIN)/python --require-hashes requirements/dev.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e .
	@touch $@

# What the benchmark compares with (Celery, Django), apart from the project's own environment.
BENCH := .venv-bench
bench-env: $(BENCH)/.installed

$(BENCH)/.installed: requirements/bench.lock | $(STAMP)
	$(BIN)/uv venv --quiet --clear --python $(BIN)/python $(BENCH)
	$(BIN)/uv pip sync --quiet --compile-bytecode --python $(BENCH)/bin/python --require-hashes requirements/bench.lock
	@touch $@

# What the mutation check changes the program with, beside what the tests need.
MUTATION := .venv-mutation
mutation-env: $(MUTATION)/.installed

$(MUTATION)/.installed: requirements/dev.lock requirements/mutation.lock | $(STAMP)
	$(BIN)/uv venv --quiet --clear --python $(BIN)/python $(MUTATION)
	$(BIN)/uv pip sync --quiet --compile-bytecode --python $(MUTATION)/bin/python --require-hashes \
	  requirements/dev.lock requirements/mutation.lock
	@touch $@

# What the fuzzer feeds the importers with, beside what the tests need.
FUZZ := .venv-fuzz
fuzz-env: $(FUZZ)/.installed

$(FUZZ)/.installed: requirements/dev.lock requirements/fuzz.lock | $(STAMP)
	$(BIN)/uv venv --quiet --clear --python $(BIN)/python $(FUZZ)
	$(BIN)/uv pip sync --quiet --compile-bytecode --python $(FUZZ)/bin/python --require-hashes \
	  requirements/dev.lock requirements/fuzz.lock
	@touch $@

# What drives the browser of the browser tests, beside what the tests need.
BROWSER := .venv-browser
browser-env: $(BROWSER)/.installed

$(BROWSER)/.installed: requirements/dev.lock requirements/browser.lock | $(STAMP)
	$(BIN)/uv venv --quiet --clear --python $(BIN)/python $(BROWSER)
	$(BIN)/uv pip sync --quiet --compile-bytecode --python $(BROWSER)/bin/python --require-hashes \
	  requirements/dev.lock requirements/browser.lock
	@touch $@

test: $(STAMP)
	$(BIN)/pytest -n $(AT_ONCE) --dist worksteal --ignore=tests/faults --ignore=tests/browser

# Real processes killed, stopped and cut off, and the count at the far end afterwards; about five minutes.
test-faults: $(STAMP)
	$(BIN)/pytest -n $(AT_ONCE) --dist worksteal tests/faults

# The longer variants of some faults alone, by hand.
test-faults-long: $(STAMP)
	$(BIN)/pytest tests/faults -m by_hand

# A browser through the portal: Debian's Chromium, which is installed where root may. SCREENSHOTS=docs/portal keeps pictures.
test-browser: browser-env
	@command -v chromium >/dev/null || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && \
	  apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends chromium >/dev/null; } \
	  || { echo "Chromium is needed, and was not found. Nothing was tested. Install the package chromium."; exit 2; }
	BEREDSKAP_SCREENSHOTS=$(SCREENSHOTS) $(BROWSER)/bin/python -m pytest tests/browser

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

demo: $(STAMP)
	$(BIN)/python tools/demo.py

# The fan-out against its goals: the whole table in about forty minutes, with BENCH_OPTIONS=--quick in about five.
bench: $(STAMP) bench-env
	$(BIN)/python bench/fan_out.py $(BENCH_OPTIONS)

# What the main job takes on this machine, against its goals; about five minutes.
bench-main-job: $(STAMP)
	$(BIN)/python bench/main_job.py

# Small faults put into the outbox and the rule of entitlement, one at a time: do the tests notice? Hours; docs/mutation.md.
mutation: $(STAMP) mutation-env
	$(MUTATION)/bin/python tools/mutate.py $(MUTATION_OPTIONS)

# Broken files thrown at each importer for so many seconds; what is found stays in .fuzz/. docs/fuzzing.md.
FUZZ_SECONDS ?= 600
fuzz: $(STAMP) fuzz-env
	$(FUZZ)/bin/python tools/fuzz.py --seconds $(FUZZ_SECONDS) $(FUZZ_FORMATS)

# Run after a change of the dependencies in pyproject.toml. The lock holds versions and hashes, no addresses.
LOCK := $(BIN)/uv pip compile --quiet --generate-hashes --no-emit-index-url --no-header --no-annotate --universal \
        --python-version 3.11
lock: $(STAMP)
	$(LOCK) --extra dev pyproject.toml requirements/build.in -o requirements/dev.lock
	$(LOCK) --constraint requirements/dev.lock pyproject.toml requirements/build.in -o requirements/run.lock
	$(LOCK) requirements/uv.in -o requirements/uv.lock
	$(LOCK) --constraint requirements/dev.lock requirements/bench.in -o requirements/bench.lock
	$(LOCK) --constraint requirements/dev.lock requirements/mutation.in -o requirements/mutation.lock
	$(LOCK) --constraint requirements/dev.lock requirements/fuzz.in -o requirements/fuzz.lock
	$(LOCK) --constraint requirements/dev.lock requirements/browser.in -o requirements/browser.lock

clean:
	rm -rf $(VENV) $(BENCH) $(MUTATION) $(FUZZ) $(BROWSER) .mutation .fuzz .demo .pytest_cache .mypy_cache .ruff_cache .hypothesis
