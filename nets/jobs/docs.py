"""Write the page about the keys of recipes from their schema.

python -m nets.jobs.docs --output docs/recipes.md
"""

import argparse
import sys
from pathlib import Path

from nets.files import atomic
from nets.jobs.common import run_job
from nets.suite.catalogues import schema
from nets.suite.recipes_page import recipes_page


def main(argv: list[str] | None = None) -> int:
    """Parse the command line and write the page."""
    parser = argparse.ArgumentParser(prog="python -m nets.jobs.docs", description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, required=True, help="the page, in Markdown")
    args = parser.parse_args(argv)
    return run_job(lambda: write(args.output))


def write(output: Path) -> None:
    """Write the page."""
    with atomic(output) as temporary:
        temporary.write_text(recipes_page(schema("recipes")), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
