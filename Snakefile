# nets: a reproducible benchmark of the classic image networks.
#
#   snakemake --cores all                          the suite config/quick.tsv
#   snakemake --cores all --config suite=full      another suite of config/
#   snakemake --cores all --config table=my.tsv    a table of your own
import hashlib
import json
import os
import sys
from pathlib import Path

from snakemake.utils import min_version

min_version("9.0")
sys.path[:0] = [workflow.basedir, str(Path.cwd())]
shell.prefix(
    f"set -euo pipefail; export PYTHONPATH={workflow.basedir}${{{{PYTHONPATH:+:$PYTHONPATH}}}}; "
)


include: "workflow/rules/common.smk"
include: "workflow/rules/data.smk"
include: "workflow/rules/train.smk"
include: "workflow/rules/evaluate.smk"
include: "workflow/rules/compare.smk"
include: "workflow/rules/report.smk"


onstart:
    write_runs(RUNS.values(), DESCRIPTIONS)


onerror:
    from nets.suite.failures import failures

    tries = 1 + workflow.execution_settings.retries
    for line in failures(Path(log[0]).read_text(), tries):
        print(line, file=sys.stderr)


rule all:
    default_target: True
    input:
        paths.lost(RESULTS, RUNS),
        f"{RESULTS}/runs.txt",
        f"{RESULTS}/tables",
        f"{RESULTS}/figures",
        f"{RESULTS}/report.html",
        TRACKED,
        f"{RESULTS}/metrics.csv",
