# Every target makes the virtual environment it needs; nothing is installed twice.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# Fashion-MNIST: of Debian's package dataset-fashion-mnist, or what torchvision fetched into data/
FASHION_MNIST ?= $(or $(wildcard /usr/share/datasets/fashion-mnist),data)
REFERENCE_28 := experiments/reference_28

# tests and commands start hundreds of processes: what Python has compiled is kept for the next one
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo findings test test-quick test-gpu check bench bench-gpu simulations chaos docs install clean reference reference-28 reference-28-save schema slurm-up slurm-down

demo: install  ## should widths grow, stay equal or shrink? three design spaces on handwritten digits, on all cores
	$(BIN)/dsx run quickstart
	@echo "look at runs/quickstart/analysis: report.html (all of it), edf.png (the figure), *.csv (the numbers)"

install: $(VENV)/installed

test: $(VENV)/installed-dev  ## the whole test suite
	$(BIN)/pytest -n 4 --dist loadfile --no-loadscope-reorder tests

test-quick: $(VENV)/installed-dev  ## what is to pass before a commit: all but the slow tests
	$(BIN)/pytest -n 2 --dist loadfile -m "not slow" tests

test-gpu: $(VENV)/installed-dev  ## the tests that need a CUDA GPU; where there is none they fail
	DSX_REQUIRE_GPU=1 $(BIN)/pytest tests/gpu

check: $(VENV)/installed-dev  ## format, lint, imports and types; changes nothing
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports --no-logo
	$(BIN)/mypy

bench: $(VENV)/installed-dev  ## speed, as ratios against a named baseline in one run; less than half an hour on two cores
	@for file in tests/benchmarks/bench_*.py; do echo "== $$file"; $(BIN)/python $$file || exit 1; done

bench-gpu: $(VENV)/installed-dev  ## the same on a CUDA GPU, as a Markdown table; minutes
	$(BIN)/python tests/benchmarks/gpu/bench_gpu.py

simulations: $(VENV)/installed-dev  ## how often what dsx says is wrong where the truth is known; an hour or more on one core
	@for file in tests/simulations/*.py; do echo "== $$file"; $(BIN)/python $$file || exit 1; done

N ?= 1000
chaos: $(VENV)/installed-dev  ## kills, faults and damaged files at random, counted; hours, or minutes with N=20
	$(BIN)/python tests/chaos/chaos.py --n $(N)

docs: $(VENV)/installed-dev  ## the documentation site, to be read from disk; a warning is an error
	NO_MKDOCS_2_WARNING=1 PYTHONPATH=. $(BIN)/mkdocs build --strict
	@echo "open build/site/index.html"

reference: install  ## train what is missing of the reference experiment; remake experiments/reference/
	$(BIN)/dsx run reference
	$(BIN)/python analysis/reference_tables.py runs/reference experiments/reference

reference-28: install  ## train what is missing of the reference study on Fashion-MNIST (hours); `make reference-28-save` keeps it
	$(BIN)/python analysis/saved_records.py restore reference_28 $(REFERENCE_28)/partial recipe.data.root=$(FASHION_MNIST)
	nice -n 19 $(BIN)/dsx launch runs/reference_28
	nice -n 19 $(BIN)/dsx launch runs/reference_28/AnyNetXA-28 runs/reference_28/RegNetX-28 --seeds 2

reference-28-save:  ## what is trained of the reference study, into small files; its tables and findings, where it is whole
	$(BIN)/python analysis/saved_records.py save runs/reference_28 $(REFERENCE_28)/partial
	$(BIN)/python analysis/reference_tables.py runs/reference_28 $(REFERENCE_28)
	$(BIN)/python analysis/findings.py

findings: install  ## docs/findings.md and its figure, from committed files alone
	$(BIN)/python analysis/findings.py

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
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
