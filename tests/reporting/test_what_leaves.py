"""What leaves the house: names of models and classes mean nothing to spreadsheets, Markdown, LaTeX and matplotlib."""

import csv
import io
from dataclasses import replace

import matplotlib
import pytest

from nets.reporting.figures import style
from nets.reporting.grouping import by_comparison
from nets.reporting.results import load_results
from nets.reporting.tables import formats
from nets.reporting.tables.comparison import comparison_table

NAMES = [
    '=HYPERLINK("http://x","y")',
    "+1",
    "-2",
    "@a",
    "<img src=x onerror=alert(1)>",
    "[a](javascript:b)",
    "a|b",
    "50 % & $x_1$",
]


@pytest.fixture(scope="module", params=NAMES)
def named(request, results):
    """A table in which one model has an odd title."""
    group = by_comparison(load_results(results, results / "runs.txt"))["classification", "mnist5k"]
    odd = [
        replace(each, run=replace(each.run, title=request.param)) if each.run.model == "lenet5" else each
        for each in group
    ]
    return request.param, comparison_table(odd)


def test_no_spreadsheet_finds_a_formula(named):
    name, table = named
    cells = [cell for row in csv.reader(io.StringIO(formats.raw(table))) for cell in row]
    assert any(name in cell for cell in cells)
    for cell in cells:
        try:
            float(cell)  # numbers below 0 are numbers
        except ValueError:
            assert not cell.startswith(("=", "+", "-", "@", "\t", "\r"))


def test_markdown_holds_neither_html_nor_links_nor_cells_of_a_name(named):
    name, table = named
    text = formats.markdown(table)
    assert "<" not in text and "](" not in text
    rows = [line.replace("\\|", "") for line in text.splitlines() if line.startswith("|")]
    assert len({line.count("|") for line in rows}) == 1


def test_latex_escapes_what_it_would_read(named):
    name, table = named
    text = formats.latex(table)
    if "$x_1$" in name:
        assert r"50 \% \& \$x\_1\$" in text


@pytest.mark.parametrize("name", ["US$1_2_3$", r"$\frac{1$", "$x^$"])
def test_a_figure_writes_names_as_they_are(tmp_path, name):
    with style.drawing(tmp_path / "a.svg", 2, 2) as (axis,):
        axis.plot([1, 2], [1, 2], label=name)
        axis.set_title(name)
        axis.legend()
    assert name in (tmp_path / "a.svg").read_text().replace("&amp;", "&")
    assert matplotlib.rcParams["text.parse_math"]  # elsewhere, it stays as it was
