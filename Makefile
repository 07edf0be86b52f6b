# make help lists what there is.
PYTHON ?= python3
SUITE ?= quick
export PATH := $(CURDIR)/.venv/bin:$(PATH)

name := $(if $(TABLE),$(basename $(notdir $(TABLE))),$(SUITE))
settings := $(if $(TABLE),"table=$(TABLE)",suite=$(SUITE))
results := results/$(name)

.PHONY: help run fetch plan test test-slurm lint check mlflow lock clean
.DEFAULT_GOAL := help

help:  ## what there is
	@echo "make run                 train, evaluate, compare, report: the suite config/quick.tsv"
	@echo "make run SUITE=full      the same for config/full.tsv"
	@echo "make run TABLE=my.tsv    the same for a table of your own"
	@echo "make run RETRY=1         try again what failed (diverged, out of memory, no data)"
	@echo "make fetch               get every data set and all weights of a suite beforehand"
	@echo "make plan                what a suite would run"
	@echo "make mlflow              the runs in MLflow's page"
	@echo "make test                all tests"
	@echo "make test-slurm          the tests that need a Slurm: one is started on this machine"
	@echo "make lint                style checks alone"
	@echo "make check               the same; with MODEL=resnet18, whether this processor computes its convolutions right"
	@echo "make lock                renew requirements.lock from pyproject.toml, and environment.yml from it"
	@echo "make clean               remove results/$(name)"

# The lock decides alone: limits on versions that this machine's pip may have been set are left out.
.venv/ready: requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "nets needs Python 3.11 or later; say make PYTHON=python3.12, for example." >&2; exit 1; }
	@echo "Setting up .venv (torch with its CUDA libraries is large: some minutes, once)"
	@$(PYTHON) -m venv .venv
	@PIP_CONSTRAINT=/dev/null .venv/bin/pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements.lock
	@touch $@

run: .venv/ready  ## the suite
	@$(if $(RETRY),python -m nets.jobs.retry --results $(results))
	@snakemake --cores all --config $(settings)
	@python -m nets.jobs.summary --results $(results)

fetch: .venv/ready
	@python -m nets.jobs.retry --results $(results) --fetched
	@snakemake --cores all --quiet all --config $(settings) -- gather

plan: .venv/ready
	@python -m nets.jobs.plan --table "$(or $(TABLE),config/$(SUITE).tsv)"

mlflow: .venv/ready
	@test -n "$(MLFLOW_TRACKING_URI)" -o -e $(results)/mlflow.db || \
	  { echo "$(results)/mlflow.db is not there; say make run first." >&2; exit 1; }
	@echo "$(or $(MLFLOW_TRACKING_URI),http://127.0.0.1:5000 (end with Ctrl-C))"
	@test -n "$(MLFLOW_TRACKING_URI)" || \
	  mlflow server --backend-store-uri sqlite:///$(results)/mlflow.db --host 127.0.0.1 --port 5000

test: .venv/ready lint
	@python -m pytest

test-slurm: .venv/ready
	@python tests/slurm/cluster.py
	@python -m pytest --numprocesses=0 tests/slurm

lint: .venv/ready
	@ruff check .
	@ruff format --check .
	@snakefmt --check Snakefile workflow
	@snakemake --lint

check: .venv/ready $(if $(MODEL),,lint)
	@$(if $(MODEL),python -m nets.jobs.check --model "$(MODEL)" --overrides "$(OVERRIDES)" \
	  $(if $(TABLE),--catalogues "$(dir $(TABLE))"))

lock: .venv/ready
	@.venv/bin/pip install --quiet uv
	@.venv/bin/uv pip compile --quiet --universal --generate-hashes --no-header --extra test \
	  pyproject.toml --output-file requirements.lock
	@sed -n 's/^\([a-z0-9-]*\)==\([^ ;\\]*\).*/\1 \2/p' requirements.lock | while read -r name version; do \
	  sed -i.old "s/- $$name==.*/- $$name==$$version/" environment.yml; done; rm -f environment.yml.old

clean:
	@rm -rf $(results)
