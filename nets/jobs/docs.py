"""Write the pages that are made from other files: the keys of recipes, lessons, and results from the record.

python -m nets.jobs.docs
"""

import argparse
import sys
from pathlib import Path

from nets.files import atomic
from nets.jobs.common import run_job
from nets.record.publish import write_pages
from nets.suite.catalogues import ROOT, schema
from nets.suite.lessons_page import lessons_page
from nets.suite.recipes_page import recipes_page


def main(argv: list[str] | None = None) -> int:
    """Parse the command line and write the pages."""
    parser = argparse.ArgumentParser(prog="python -m nets.jobs.docs", description=__doc__.splitlines()[0])
    parser.add_argument("--root", type=Path, default=ROOT, help="the checkout whose pages are written")
    args = parser.parse_args(argv)
    return run_job(lambda: write(args.root))


def write(root: Path) -> None:
    """Write docs/recipes.md, docs/lessons.md, docs/results.md and the results in README.md."""
    pages = {"recipes": recipes_page(schema("recipes")), "lessons": lessons_page(ROOT / "config")}
    for name, text in pages.items():
        with atomic(root / f"docs/{name}.md") as temporary:
            temporary.write_text(text, encoding="utf-8")
    write_pages(root / "docs/results", root)


if __name__ == "__main__":
    sys.exit(main())
