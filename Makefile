VENV ?= .venv
PYTHON ?= python3
DEMO ?= demo
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
export MPLBACKEND := Agg

.PHONY: help install demo test lint checkers bench results clean

help:
	@echo "make install   a virtual environment in $(VENV) with everything, pinned"
	@echo "make demo      the whole way once on a synthetic planet, into $(DEMO)/"
	@echo "make test      lint, types and tests"
	@echo "make lint      lint and types alone"
	@echo "make checkers  what the checkers of CF, ACDD, COG and STAC say of a product"
	@echo "make bench     measure reading, building and scoring, beside other ways"
	@echo "make results   the comparison of docs/results.md (needs AI4LAND_REALDATA)"
	@echo "make clean     remove caches (never data, runs or the environment)"

install: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

demo: install
	$(BIN)/ai4land demo --out $(DEMO)

lint: install
	$(BIN)/ruff check src tests benchmarks scripts
	$(BIN)/ruff format --check src tests benchmarks scripts
	$(BIN)/mypy

test: lint
	$(BIN)/pytest -n auto --dist loadfile

checkers: install
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[checkers]'
	$(BIN)/pytest tests/product/test_checkers.py

bench: install
	$(BIN)/python benchmarks/chunk_layout.py
	$(BIN)/python benchmarks/windows.py
	$(BIN)/python benchmarks/build_speed.py
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[bench]'
	$(BIN)/python benchmarks/metrics_speed.py

results: install
	for cube in uk_south brazil crete bavaria uk_esacci crete_esacci; do \
	  $(BIN)/ai4land build benchmarks/recipes/$$cube.yaml --out runs/results/$$cube.zarr; done
	$(BIN)/ai4land compare benchmarks/compare.yaml --out runs/compare

clean:
	rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find src tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +
