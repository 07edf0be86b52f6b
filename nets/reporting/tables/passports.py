"""The passports of a suite's runs: which there are, and how each run drew its images."""

from collections.abc import Iterable
from typing import Any

from nets.fidelity.passport import DRAWN, digest
from nets.reporting.results import Run


def drawn(run: Run) -> dict[str, Any] | None:
    """Sampler, steps and moving average by which a run's images were drawn; None for what draws none."""
    found = (entry["passport"] for entry in run.numbers if entry.get("passport"))
    return next(({key: passport.get(key) for key in DRAWN} for passport in found if "steps" in passport), None)


def collect(runs: Iterable[Run]) -> dict[str, dict[str, Any]]:
    """All passports by digest: the passport, the metrics that carry it, and the data sets."""
    found: dict[str, dict[str, Any]] = {}
    for run in runs:
        for entry in run.numbers:
            if entry.get("passport") is not None:
                key = digest(entry["passport"])
                known = found.setdefault(key, {"passport": entry["passport"], "metrics": [], "datasets": []})
                for name, value in (("metrics", entry["metric"]), ("datasets", run.config["dataset"])):
                    if value not in known[name]:
                        known[name].append(value)
    return found
