# Every target makes the virtual environment it needs; nothing is installed twice.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

.PHONY: demo test test-quick check bench install clean reference schema slurm-up slurm-down

demo: install  ## three design spaces on handwritten digits, trained on all cores
	$(BIN)/dsx run quickstart
	@echo "look at runs/quickstart/analysis: report.html (all of it), edf.png (the figure), *.csv (the numbers)"

install: $(VENV)/installed

test: $(VENV)/installed-dev  ## the whole test suite
	$(BIN)/pytest -n 2 --dist loadfile tests

test-quick: $(VENV)/installed-dev  ## what is to pass before a commit: all but the slow tests
	$(BIN)/pytest -n 2 --dist loadfile -m "not slow" tests

check: $(VENV)/installed-dev  ## format, lint and types; changes nothing
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

bench: $(VENV)/installed-dev  ## speed, as ratios against a named baseline in one run
	@for file in tests/benchmarks/bench_*.py; do echo "== $$file"; $(BIN)/python $$file || exit 1; done

reference: install  ## train what is missing of the reference experiment; remake experiments/reference/
	$(BIN)/dsx run reference
	$(BIN)/python -m dsx.results.reference runs/reference experiments/reference

schema: install  ## the JSON Schema that editors complete and check space files by
	$(BIN)/dsx spaces --schema > spaces/space.schema.json

slurm-up: $(VENV)/installed-dev  ## a SLURM cluster of four nodes on this machine (Debian, as root)
	$(BIN)/python tests/launch/slurm/cluster.py up

slurm-down: $(VENV)/installed-dev
	$(BIN)/python tests/launch/slurm/cluster.py down

$(VENV)/installed: setup.cfg setup.py pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --editable .
	touch $@

$(VENV)/installed-dev: $(VENV)/installed
	$(BIN)/pip install --quiet --editable '.[dev]'
	touch $@

clean:  ## everything that can be made again; studies under runs/ are kept
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
