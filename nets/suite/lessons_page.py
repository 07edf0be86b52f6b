"""The page docs/lessons.md, made from the catalogue of lessons and the tables of their rows."""

from pathlib import Path

from nets.suite.lessons import Lesson, in_words, load_lessons
from nets.suite.table import read_table

HEAD = """# Lessons

What everybody who learns these networks is told, and how to test it here. `make run SUITE=lessons` trains the rows of
`config/lessons.tsv` on data that come with the packages, in about half an hour on two cores (as `make plan
SUITE=lessons` estimates). Its report has a section *Lessons*: for each one the numbers over several seeds, a figure,
and a verdict. `make docs` writes this page from `config/lessons.yaml`.

## The verdict

The claims below say what the sentence predicts, and the smallest difference that counts. They were written before the
runs. Each is judged by the 95 % interval of the difference of two rows over their seeds (Welch's t; paired, where a
seed means the same for both rows):

| a claim | if |
|---|---|
| holds here | the interval is on the claimed side, and the difference is as large as what counts |
| does not hold here | the whole interval is below what counts |
| can't be told with these seeds | anything else: more seeds could tell |

A claim of "equal" holds if the interval is within what does not count, and does not hold if it is outside. A lesson
holds if all of its claims do. It does not hold if one of them does not, by an interval that is wider the more claims
there are (Bonferroni). So a verdict is wrong by luck in at most one of twenty lessons. *Here* means these networks, at
this size, on these images: a lesson that does not hold here may hold on real data.

## In class

- Take one lesson: let students write down what they expect, then look at the figure.
- Run a lesson alone: copy its rows from `config/lessons.tsv`, with the first line, into `my.tsv`, and `make run
  TABLE=my.tsv`. Add seeds where the verdict is open.
- Run it on real data: `config/lessons_full.tsv` has the same rows in larger sizes (`make run SUITE=lessons_full`; on a
  GPU, or one lesson at a time).
- Add a lesson: an entry in a `lessons.yaml` beside your table, which then replaces the project's. If what it compares
  is measured already, it needs no code. `workflow/schemas/lessons.schema.yaml` explains each key.

## All lessons

{contents}
"""
ROWS = "| compared | row of `config/lessons.tsv` | recipe | settings | seeds |\n|---|---|---|---|---|\n"


def lessons_page(config: Path) -> str:
    """The page in Markdown; `config` is the folder with the catalogue and its two tables."""
    lessons = load_lessons(config / "lessons.yaml")
    cells = rows_of(config / "lessons.tsv")
    contents = "\n".join(f"{place}. [{each.title}](#{anchor(place, each)})" for place, each in enumerate(lessons, 1))
    sections = [section(place, each, cells) for place, each in enumerate(lessons, 1)]
    return HEAD.format(contents=contents) + "".join(sections)


def rows_of(table: Path) -> dict[str, dict[str, str]]:
    """The cells of each row of a table, by the row's name."""
    cells = [row for _, row in read_table(table)]
    return {"-".join(filter(None, (row["model"], row["dataset"], row["variant"]))): row for row in cells}


def heading(place: int, lesson: Lesson) -> str:
    """The heading of a lesson."""
    return f"{place}. {lesson.title}"


def anchor(place: int, lesson: Lesson) -> str:
    """The anchor that GitHub gives the heading."""
    kept = (c for c in heading(place, lesson).lower() if c.isalnum() or c in " -_")
    return "".join(kept).replace(" ", "-")


def section(place: int, lesson: Lesson, cells: dict[str, dict[str, str]]) -> str:
    """A lesson: the sentence, who says it, what is compared, the claims, and the rows for real data."""
    rows = "".join(row(name, full, cells[full]) for name, full in lesson.rows.items())
    claims = "\n".join(f"- {in_words(claim, lesson.quantities)}." for claim in lesson.claims)
    parts = [
        f"\n## {heading(place, lesson)}",
        f"> {lesson.sentence}",
        f"{lesson.source}.",
        lesson.text,
        ROWS + rows.rstrip(),
        f"Claims:\n\n{claims}",
        real(lesson),
    ]
    return "\n\n".join(filter(None, parts)) + "\n"


def real(lesson: Lesson) -> str:
    """Where the rows on real data are; empty if there are none."""
    if lesson.full is None:
        return ""
    sets = " and ".join(f"`{new}` in place of `{old}`" for old, new in lesson.full.items())
    return (
        f"On real data: the same rows{f' with {sets}' if sets else ', longer and wider'}, in `config/lessons_full.tsv`."
    )


def row(name: str, full: str, cells: dict[str, str]) -> str:
    """A row of the table of a lesson."""
    settings = f"`{cells['overrides']}`" if cells["overrides"] else ""
    texts = (name, f"`{full}`", f"`{cells['recipe']}`", settings, cells["seeds"])
    return "| " + " | ".join(text.replace("|", r"\|") for text in texts) + " |\n"
