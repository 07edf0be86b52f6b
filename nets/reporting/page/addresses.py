"""The files of pages, and addresses that lead to them."""

from urllib.parse import quote

from nets.reporting.results import Result


def comparison_file(name: str) -> str:
    """The file of the page of a comparison, by the name of its table."""
    return f"{name}.html"


def model_file(model: str) -> str:
    """The file of a model's page."""
    return f"model-{model}.html"


def run_file(name: str) -> str:
    """The file of a run's page."""
    return f"run-{name}.html"


def address(*parts: str) -> str:
    """A relative address in which no part can leave its place: 'data/run%23.js'."""
    return "/".join(quote(part) for part in parts)


def row_of(result: Result) -> str:
    """The name of a row, all seeds of a model and variant on a data set: '<model>-<dataset>[-<variant>]'."""
    return result.name.removesuffix(f"-s{result.run.seed}")
