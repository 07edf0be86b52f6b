"""The start of each job: `python -m nets.jobs.<job> --help` against Python that only imports the packages it may.

A ratio near 1 means that the start costs what these packages cost. A test holds the jobs to this list.
"""

import subprocess
import sys

from benchmarks.measuring import Findings, Place, Side, clock, compare
from benchmarks.planning import command

LARGE = (
    *("torch", "torchvision", "pandas", "scipy", "matplotlib", "mlflow", "torch_fidelity", "sklearn", "snakemake"),
    *("numpy", "PIL", "jsonschema", "yaml", "jinja2", "safetensors"),
)
NETWORKS = ("torch", "numpy", "safetensors")
CATALOGUES = ("jsonschema", "yaml")
FIGURES = ("matplotlib", "PIL", "numpy", "jinja2", *CATALOGUES)
MAY_IMPORT = {  # by job: which of them it may import at its start
    **dict.fromkeys(("train", "evaluate", "reference", "serve", "measure", "fit", "export", "repeat"), NETWORKS),
    **dict.fromkeys(("weights", "check", "verify"), (*NETWORKS, *CATALOGUES)),
    **dict.fromkeys(("compare", "draw", "report"), FIGURES),
    **dict.fromkeys(("docs", "publish", "changed"), ("numpy", "jinja2", *CATALOGUES)),
    **dict.fromkeys(("prepare", "why", "plan", "run", "status", "merge", "bundle"), ("numpy", *CATALOGUES)),
    "add": ("numpy", "PIL", *CATALOGUES),
    **dict.fromkeys(("browse", "collect", "fetch", "retry", "summary", "track"), ()),
}
TIMED = ("train", "collect", "prepare", "weights", "reference", "evaluate", "draw", "compare", "report", "track")


def measure(place: Place) -> Findings:
    """Every job that the workflow starts."""
    found = Findings("imports alone")
    for job in place.some(TIMED, 2):
        start = command(f"nets.jobs.{job}", "--help")
        floor = importing(MAY_IMPORT[job])
        found.comparisons.append(compare(f"startup: {job}", start, floor, 3, warm=False))
    return found


def importing(packages: tuple[str, ...]) -> Side:
    """A side that starts Python and imports some packages."""
    words = [sys.executable, "-c", f"import {', '.join(('argparse', *packages))}"]
    return lambda: clock(lambda: subprocess.run(words, check=True))
