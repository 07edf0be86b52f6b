"""Documents are short where they should be, name only what exists, and agree with the code."""

import importlib.util
import re
import shutil
import tomllib

import pytest
import yaml

from nets.jobs import docs
from nets.reporting.statistics import wilson
from nets.suite.catalogues import ROOT
from nets.suite.settings import SETTINGS
from nets.suite.table import COLUMNS

PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), ROOT / "config/README.md"]


def anchors(text: str) -> set[str]:
    """The anchors of the headings of a page, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", text, re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if not link.startswith("http"):
            path, _, anchor = link.partition("#")
            target = (page.parent / path) if path else page
            assert target.exists(), f"{page.name}: {link}"
            assert not anchor or anchor in anchors(target.read_text()), f"{page.name}: {link}"


def test_pages_are_those_of_the_schema_and_of_the_record(tmp_path):
    shutil.copytree(ROOT / "docs/results", tmp_path / "docs/results")
    shutil.copy(ROOT / "README.md", tmp_path)
    assert docs.main(["--root", str(tmp_path)]) == 0
    for page in ("docs/recipes.md", "docs/lessons.md", "docs/results.md", "README.md"):
        assert (tmp_path / page).read_text() == (ROOT / page).read_text(), f"{page}: run make docs"


def test_the_readme_is_short_and_the_map_is_one_screen():
    assert len((ROOT / "README.md").read_text().splitlines()) <= 130
    page = (ROOT / "ARCHITECTURE.md").read_text()
    assert len(page[page.index("## Where things are") : page.index("## Five files")].splitlines()) < 60


def test_the_intervals_of_single_seeds_are_wilsons():
    """`97.40 [96.22, 98.22]` is right for the number of test images that its table or paragraph names."""
    checked = 0
    for page in [ROOT / "docs/results_before.md"]:
        for block in page.read_text().split("\n\n"):
            found = re.findall(r"([\d.]+) \[([\d.]+), ([\d.]+)\]", block)
            images = {int(number.replace(",", "")) for number in re.findall(r"([\d,]+) test\s+images", block)}
            assert not found or len(images) == 1, block
            for value, low, high in found:
                (count,), decimals = images, len(value.partition(".")[2])
                ends = wilson(round(float(value) / 100 * count), count)
                assert [low, high] == [f"{100 * end:.{decimals}f}" for end in ends], value
            checked += len(found)
    assert checked > 6


def test_every_make_target_that_the_pages_name_exists():
    targets = set(re.findall(r"^([\w./-]+):", (ROOT / "Makefile").read_text(), re.M))
    named = {
        name for page in PAGES for name in re.findall(r"(?:^ {4}|`|&& )make ([a-z][\w-]*)", page.read_text(), re.M)
    }
    assert named and named <= targets


def test_the_columns_of_tables_and_the_settings_are_explained():
    page = (ROOT / "config/README.md").read_text()
    assert all(f"| `{word}` |" in page for word in (*COLUMNS, *SETTINGS))


def test_the_site_has_every_page_and_what_pages_link_to(tmp_path):
    spec = importlib.util.spec_from_file_location("build_site", ROOT / "docs/site/build.py")
    build = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(build)
    nav = build.stage(tmp_path)
    listed = [name for part in nav for name in next(iter(part.values())) if isinstance(name, str)]
    assert {ROOT / name for name in listed} == set(PAGES)
    for page in PAGES:
        for link, _ in build.LINK.findall(page.read_text()):
            if not link.startswith("http") and not link.endswith("/"):
                assert ((tmp_path / page.relative_to(ROOT)).parent / link).resolve().exists(), f"{page.name}: {link}"
    assert "](results/)" not in (tmp_path / "docs/results.md").read_text()
    api = (tmp_path / "api/models.md").read_text()
    assert "::: nets.models.lenet\n" in api and "::: nets.models.unet\n" in api


def test_the_citation_has_the_version():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation["version"] == tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
