"""The page of a task over several data sets: mean ranks, and which rows they tell apart."""

from collections.abc import Iterator

from nets.reporting import glossary
from nets.reporting.figures.ranks import CAPTION
from nets.reporting.page.addresses import comparison_file
from nets.reporting.page.comparison import html
from nets.reporting.page.overview import by_rule
from nets.reporting.page.page import Page, Suite
from nets.reporting.page.pictures import Picture, Pictures


def pages(suite: Suite, pictures: Pictures) -> Iterator[Page]:
    """A page for each task that was compared over data sets."""
    for table in suite.across:
        path = suite.folder / "figures" / f"{table.name}.svg"
        drawn = [Picture(pictures.source(path, "figures"), table.title, CAPTION, "learning")] if path.exists() else []
        yield Page(
            comparison_file(table.name),
            "Over data sets",
            "across.html.j2",
            lambda table=table, drawn=drawn: {  # type: ignore[misc]
                "heading": table.title,
                "html": html(table),
                "pictures": drawn,
                "rules": by_rule(suite, table.name),
            },
            glossary.task_title(table.rows[0].results[0].task),
        )
