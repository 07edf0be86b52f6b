"""Make a site of all documents, with pages of the API from docstrings: `make site` writes it to .site/html.

It needs no network to be read. A link that leads nowhere, to a page, a heading or a file, is an error.
"""

import argparse
import ast
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NAV = {  # the order of the pages; every document is in it
    "Begin": ["README.md", "docs/tutorial.md", "config/README.md", "docs/extending.md", "docs/recipes.md"],
    "Results": [
        *("docs/results.md", "docs/lessons.md", "docs/results_before.md"),
        *("docs/published.md", "docs/statistics.md"),
    ],
    "Run": [
        *("docs/around.md", "docs/cluster.md", "docs/snakemake.md"),
        *("docs/files.md", "docs/benchmarks.md", "docs/trust.md"),
    ],
    "Develop": ["ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md"],
}
API = {  # what others use, by page
    "nets": ["nets", "nets.trained"],
    "runs and tasks": ["nets.run", "nets.tasks.contract", "nets.tasks.kinds", "nets.tasks.codes"],
    "data": ["nets.data.prepared", "nets.data.batches", "nets.data.loaded"],
    "metrics": ["nets.metrics.*"],
    "models": ["nets.models.*"],
}
LINK = re.compile(r"\]\(([^)\s#]+)(#[^)\s]*)?\)")
FOLDER = re.compile(r"\[([^\]]+)\]\((?!\w+:)[^)\s]+/\)")  # a link to a folder, which a site doesn't show
SETTINGS = """
site_name: nets
docs_dir: {pages}
site_dir: {html}
use_directory_urls: false
strict: true
validation: {{nav: {{omitted_files: warn}}, links: {{anchors: warn, not_found: warn, unrecognized_links: warn}}}}
theme:
  name: material
  font: false
  palette:
    - {{media: "(prefers-color-scheme: light)", scheme: default, toggle: {{icon: material/weather-night, name: dark}}}}
    - {{media: "(prefers-color-scheme: dark)", scheme: slate, toggle: {{icon: material/weather-sunny, name: light}}}}
  features: [navigation.sections, navigation.top, content.code.copy]
plugins:
  - search
  - mkdocstrings:
      handlers:
        python:
          paths: [{root}]
          options: {{show_source: false, show_root_heading: true, show_if_no_docstring: false,
                    members_order: source, separate_signature: true, show_signature_annotations: true}}
markdown_extensions: [tables, toc, pymdownx.highlight, pymdownx.superfences]
nav: {nav}
"""


def main() -> int:
    """Parse the command line and build."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--to", type=Path, default=ROOT / ".site", help="where pages/ and html/ go")
    target = parser.parse_args().to.resolve()
    pages = target / "pages"
    shutil.rmtree(pages, ignore_errors=True)
    nav = stage(pages)
    settings = target / "mkdocs.yml"
    settings.write_text(SETTINGS.format(pages=pages, html=target / "html", root=ROOT, nav=nav), encoding="utf-8")
    done = subprocess.run([sys.executable, "-m", "mkdocs", "build", "--clean", "--quiet", "-f", str(settings)])
    if not done.returncode:
        html = target / "html"
        print(f"The site: {html / 'index.html'}; its search needs a server: python3 -m http.server -d {html}")
    return done.returncode


def stage(pages: Path) -> list[dict]:
    """Copy all documents and what they link to, in the layout of the checkout; returns the navigation."""
    listed = [name for names in NAV.values() for name in names]
    there = [path.name for path in ROOT.glob("*.md")] + [f"docs/{path.name}" for path in ROOT.glob("docs/*.md")]
    if missing := sorted({*there} - {*listed}):
        sys.exit(f"docs/site/build.py: NAV lacks {', '.join(missing)}; add them.")
    for name in listed:
        text = (ROOT / name).read_text(encoding="utf-8")
        for link, _ in LINK.findall(text):
            source = ((ROOT / name).parent / link).resolve()
            if not re.match(r"[a-z]+:", link) and source.is_file() and source.suffix != ".md":
                copy(source, pages)
        copy(ROOT / name, pages)
        (pages / name).write_text(FOLDER.sub(r"\1", text), encoding="utf-8")
    nav: list[dict] = [{title: names} for title, names in NAV.items()]
    return [*nav, {"API": [write_api(pages, title, modules) for title, modules in API.items()]}]


def copy(source: Path, pages: Path) -> None:
    """Copy a file of the checkout to the same place below `pages`."""
    target = pages / source.relative_to(ROOT)
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)


def write_api(pages: Path, title: str, modules: list[str]) -> dict[str, str]:
    """A page of the docstrings of modules; returns its entry in the navigation."""
    path = pages / f"api/{title.replace(' ', '_')}.md"
    path.parent.mkdir(parents=True, exist_ok=True)
    names = [name for module in modules for name in expanded(module)]
    path.write_text(f"# {title}\n\n" + "\n".join(f"::: {name}\n" for name in names), encoding="utf-8")
    return {title: str(path.relative_to(pages))}


def expanded(module: str) -> list[str]:
    """The modules that a name means; "nets.models.*" means those in the folder that have a docstring."""
    if not module.endswith(".*"):
        return [module]
    folder = ROOT.joinpath(*module.split(".")[:-1])
    files = [path for path in sorted(folder.glob("*.py")) if ast.get_docstring(ast.parse(path.read_text("utf-8")))]
    return [module.removesuffix("*") + path.stem for path in files if path.stem != "__init__"]


if __name__ == "__main__":
    sys.exit(main())
