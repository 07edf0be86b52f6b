# make help lists the targets.
PYTHON ?= python3
SUITE ?= quick
PORT ?= 5000
export PATH := $(CURDIR)/.venv/bin:$(PATH)

# Snakemake's cache needs a folder that can be written; a user of a container may have no home.
cache := $(shell cache="$${XDG_CACHE_HOME:-$${HOME:-/nowhere}/.cache}"; mkdir -p "$$cache" 2>&1 && test -w "$$cache" && echo ok)
ifneq ($(lastword $(cache)),ok)
export XDG_CACHE_HOME := $(CURDIR)/.snakemake/cache
endif

# Of Python's own settings, those that another project may have left would change or break every command.
unexport PYTHONOPTIMIZE PYTHONWARNINGS PYTHONSAFEPATH PYTHONINSPECT PYTHONSTARTUP PYTHONHASHSEED MPLBACKEND

# Recipes read what was typed from the environment ("$$TABLE"), so neither make nor a shell takes it for a command.
typed := SUITE TABLE MODEL OVERRIDES RUN AGAINST PORT ONLY NAME FROM DATASET TASK TO BUDGET SLOTS MEASURE A B INTO BUNDLE OUT
$(foreach word,$(typed),$(eval override export $(word) := $$(value $(word))))

# make's functions end a word at a blank, so blanks are hidden from them.
blank := $(subst x,,x x)
name := $(subst |,$(blank),$(basename $(notdir $(subst $(blank),|,$(or $(TABLE),$(SUITE).tsv)))))
export results := results/$(name)
# Snakemake reads a setting as YAML, where a block (|) means itself, whatever is in it.
named := $(if $(TABLE),--table="$$TABLE",--suite="$$SUITE")
settings := $(if $(TABLE),"table=$$(printf '|2-\n  %s' "$$TABLE")","suite=$$SUITE")

# What test-quick runs: imports, configuration, data, metrics, shapes of networks, the workflow, one run end to end.
quick_tests := tests/test_imports.py tests/test_docs.py tests/benchmarks tests/suite tests/data tests/metrics \
  tests/models/test_papers.py tests/models/test_autoencoders.py tests/workflow/test_module.py tests/jobs/test_honesty.py

.PHONY: help run fetch plan status why onnx mlflow add-model add-dataset check lint test-quick test test-slurm fingerprint verify \
  compare merge bundle archive publish bench docs site lock clean
.DEFAULT_GOAL := help

help:  ## list the targets
	@echo "make run                 train, evaluate, compare and report the suite config/quick.tsv"
	@echo "make run SUITE=full      the same for config/full.tsv"
	@echo "make run TABLE=my.tsv    the same for your own table"
	@echo "make run RETRY=1         try runs without a result again (diverged, out of memory, no data)"
	@echo "make plan                list the runs of a suite, with their time, memory and disk; SLOTS=4: on four slots"
	@echo "make plan BUDGET=2h      and write a table of the runs that fit, one seed of each row before the second"
	@echo "make status              while a suite runs: what is done, running, failed, and the time left"
	@echo "make why RUN=name        what would rerun a run, and what has changed since it ran"
	@echo "make fetch               get every data set and all weights of a suite beforehand"
	@echo "make onnx RUN=folder     write a trained network as ONNX, compared with onnxruntime (TO=file.onnx)"
	@echo "make mlflow              browse the runs in MLflow; PORT=5001 takes another port than 5000"
	@echo "make add-dataset         add your images: an entry, a row and a test in my/ (NAME=pets FROM=folder; TABLE=)"
	@echo "make add-model           add a network: a file, an entry, a row and a test (NAME=my_net; TABLE=, DATASET=, TASK=)"
	@echo "make check MODEL=vgg16   try a network, yours too (TABLE=my/my.tsv): gradients, checkpoints, convolutions, ..."
	@echo "make compare A=.. B=..   what changed between two results; STRICT=1: status 1 if something got worse"
	@echo "make merge FROM=..       take runs of another machine or person into results/<suite> (SUITE, TABLE)"
	@echo "make bundle RUN=name     a run in one file: description, numbers, figures, weights, packages; with hashes"
	@echo "make archive             all runs of a suite in one file, with tables and report"
	@echo "make clean               remove $$results"
	@echo
	@echo "For changes to the code (CONTRIBUTING.md):"
	@echo "make check               style and type checks"
	@echo "make test-quick          the tests that take less than two minutes"
	@echo "make test                the style and type checks, and all tests"
	@echo "make test-slurm          the tests that need Slurm, which is started on this machine"
	@echo "make fingerprint         SHA-256 of every run's weights and metrics; AGAINST=list.tsv compares with a list"
	@echo "make verify              measure kept weights again: are the numbers the same? (RUN=name: one; BUNDLE=file)"
	@echo "make publish             take results into the record, docs/results/ (SUITE, TABLE; RUN=name: one run)"
	@echo "make bench               measure the speed, and write docs/benchmarks.md (15 minutes on two idle cores)"
	@echo "make bench QUICK=1       whether it has fallen, in two minutes; ONLY=loop measures one benchmark"
	@echo "make docs                write the pages that are made from schemas, the record and benchmarks"
	@echo "make site                a site of all documents, with the API, in .site/html (packages of its own, 170 MB)"
	@echo "make lock                update requirements.lock from pyproject.toml, and environment.yml from the lock"

# Only the lock decides: limits on versions in this machine's pip configuration are ignored.
.venv/ready: requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' || \
	  { echo "nets needs Python 3.11, 3.12 or 3.13, which its packages support; run make PYTHON=python3.12, for example." >&2; \
	  exit 1; }
	@echo "Setting up .venv, once; this takes a few minutes, because torch and its CUDA libraries are large"
	@$(PYTHON) -P -m venv .venv
	@PIP_CONSTRAINT=/dev/null bash -o pipefail -c '.venv/bin/python -m pip install --disable-pip-version-check --require-hashes \
	  --no-deps -r requirements.lock 2>.venv/pip.log | awk "/^Collecting/ && ++n % 25 == 0 { print \"  \" n \" packages fetched\" } \
	  /^Installing/ { print \"  installing \" n \" packages\" } { fflush() }"' || { cat .venv/pip.log >&2; exit 1; }
	@touch $@

run: .venv/ready  ## the suite
	@$(if $(RETRY),python -m nets.jobs.retry --results="$$results")
	@python -m nets.jobs.run $(named)
	@python -m nets.jobs.summary --results="$$results"

fetch: .venv/ready
	@python -m nets.jobs.retry --results="$$results" --fetched
	@python -m snakemake --cores all --quiet all --config $(settings) -- fetch

plan: .venv/ready
	@python -m nets.jobs.plan $(named) $(if $(BUDGET),--budget="$$BUDGET") $(if $(SLOTS),--slots="$$SLOTS") \
	  $(if $(MEASURE),--seconds="$$MEASURE") $(if $(OWN),--own)

status: .venv/ready
	@python -m nets.jobs.status --results="$$results" $(if $(SLOTS),--slots="$$SLOTS")

why: .venv/ready
	@test -n "$$RUN" || { echo "Name a run: make why RUN=lenet5-mnist5k-s0; make plan lists them." >&2; exit 1; }
	@python -m nets.jobs.why --run="$$RUN" $(named)

onnx: .venv/ready
	@test -n "$$RUN" || { echo "Name a run: make onnx RUN=results/quick/runs/lenet5-mnist5k-s0" >&2; exit 1; }
	@test -e "$$RUN" || RUN="$$results/runs/$$RUN"; python -m nets.jobs.export --run="$$RUN" $(if $(TO),--to="$$TO")

mlflow: .venv/ready
	@python -m nets.jobs.browse --results="$$results" --port="$$PORT"

add-model: .venv/ready
	@test -n "$$NAME" || { echo "Name it: make add-model NAME=my_net; TASK= and DATASET= choose what it is for." >&2; exit 1; }
	@python -m nets.jobs.add --model="$$NAME" $(if $(TASK),--task="$$TASK") $(if $(DATASET),--dataset="$$DATASET") \
	  $(if $(TABLE),--table="$$TABLE")

add-dataset: .venv/ready
	@test -n "$$NAME" -a -n "$$FROM" || { echo "Name it and its folder: make add-dataset NAME=pets FROM=pictures/pets" >&2; \
	  exit 1; }
	@python -m nets.jobs.add --new-dataset="$$NAME" --from="$$FROM" $(if $(TABLE),--table="$$TABLE")

check: .venv/ready $(if $(MODEL),,lint)
	@$(if $(MODEL),python -m nets.jobs.check --model="$$MODEL" --overrides="$$OVERRIDES" \
	  $(if $(TABLE),--table="$$TABLE"))

test-quick: .venv/ready
	@python -m pytest $(quick_tests) --ignore=tests/suite/test_scale.py --ignore=tests/benchmarks/test_gpu_checks.py \
	  --ignore=tests/benchmarks/test_gpu_rows.py

test: .venv/ready check
	@python -m pytest

test-slurm: .venv/ready
	@python tests/slurm/cluster.py
	@python -m pytest --numprocesses=0 tests/slurm

lint: .venv/ready
	@python -m ruff check .
	@python -m ruff format --check .
	@python -m mypy
	@python -m snakefmt --check Snakefile workflow
	@python -m snakemake --lint

fingerprint: .venv/ready
	@python -m benchmarks.fingerprints $(if $(AGAINST),"$$AGAINST") "$$results"

verify: .venv/ready
	@$(if $(TABLE),NETS_CATALOGUES="$$(dirname -- "$$TABLE")") python -m nets.jobs.verify $(if $(RUN),--run="$$RUN") \
	  $(if $(BUNDLE),--bundle="$$BUNDLE",--results="$$results")

compare: .venv/ready
	@test -n "$$A" -a -n "$$B" || { echo "Name two results: make compare A=results/quick B=elsewhere/results/quick." >&2; exit 1; }
	@python -m nets.jobs.changed --first="$$A" --second="$$B" --output="$${OUT:-results/compared}" $(if $(STRICT),--strict)

merge: .venv/ready
	@test -n "$$FROM" || { echo "Name other results: make merge FROM=/mnt/other/results/quick INTO=results/quick." >&2; exit 1; }
	@python -m nets.jobs.merge $(named) --source="$$FROM" $(if $(INTO),--into="$$INTO")

bundle: .venv/ready
	@test -n "$$RUN" || { echo "Name a run: make bundle RUN=lenet5-mnist5k-s0; make archive takes all runs." >&2; exit 1; }
	@python -m nets.jobs.bundle --results="$$results" --run="$$RUN" $(if $(OUT),--output="$$OUT")

archive: .venv/ready
	@python -m nets.jobs.bundle --results="$$results" $(if $(OUT),--output="$$OUT")

publish: .venv/ready
	@python -m nets.jobs.publish --results="$$results" $(if $(RUN),--run="$$RUN")

bench: .venv/ready
	@python -m benchmarks $(if $(QUICK),--quick) $(if $(ONLY),--only="$$ONLY")

docs: .venv/ready
	@python -m nets.jobs.docs
	@python -m benchmarks --page

.site/ready: docs/site/requirements.txt
	@echo "Setting up .site, once"
	@$(PYTHON) -P -m venv .site/env
	@.site/env/bin/python -m pip install --quiet --disable-pip-version-check -r docs/site/requirements.txt
	@touch $@

site: .site/ready
	@NO_MKDOCS_2_WARNING=1 .site/env/bin/python docs/site/build.py

lock: .venv/ready
	@python -m pip install --quiet uv
	@python -m uv pip compile --quiet --universal --generate-hashes --no-header --extra test \
	  pyproject.toml --output-file requirements.lock
	@sed -n 's/^\([a-z0-9-]*\)==\([^ ;\\]*\).*/\1 \2/p' requirements.lock | while read -r name version; do \
	  sed -i.old "s/- $$name==.*/- $$name==$$version/" environment.yml; done; rm -f environment.yml.old

# Only the folder of a suite is removed: it has a list of runs.
clean:
	@case "$${results#results/}" in ""|.*|*/*|*[[:space:]]*|data|weights|features) \
	  echo "$$results is not the folder of a suite." >&2; exit 1;; esac; \
	  if test -e "$$results/runs.jsonl" -o -e "$$results/runs.txt"; then rm -rf -- "$$results"; \
	  elif test -e "$$results"; then echo "$$results holds no suite's results; remove it yourself." >&2; exit 1; \
	  else echo "There is no $$results."; fi
