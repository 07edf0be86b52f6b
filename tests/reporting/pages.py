"""Writes a report for tests, and reads all of its pages."""

from pathlib import Path

from nets.jobs import report


def written(folder: Path) -> Path:
    """Write the report of a suite's folder; returns its entry."""
    output = folder / "report.html"
    assert (
        report.main(["--results", str(folder), "--runs-from", str(folder / "runs.txt"), "--output", str(output)]) == 0
    )
    return output


def all_pages(entry: Path) -> list[Path]:
    return [entry, *sorted(entry.with_suffix("").glob("*.html"))]


def text_of(entry: Path) -> str:
    """The text of all pages."""
    return "".join(path.read_text() for path in all_pages(entry))


def report_of(folder: Path) -> str:
    """Write the report of a suite's folder; returns the text of all pages."""
    return text_of(written(folder))
