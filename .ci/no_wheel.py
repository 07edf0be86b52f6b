"""What pip and other installers call to build nets (PEP 517): they get one sentence in place of a useless package."""

import sys

REASON = (
    "nets is used from a checkout, because its workflow and its configuration are no Python package: clone it and say "
    "`make run` there, or `pip install -r requirements.lock` and then `snakemake --cores all`; to import it from "
    "elsewhere, put the checkout on PYTHONPATH."
)


def refuse(*_: object, **__: object) -> None:
    """Every kind of build."""
    sys.exit(REASON)


build_wheel = build_editable = build_sdist = refuse
