"""Results as the record keeps them, for the code that reads those of a run's folder."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from nets.errors import UserError
from nets.reporting.glossary import describe
from nets.reporting.measures import Measure, Number
from nets.reporting.results import Result, comparison_task
from nets.run import Run
from nets.suite.catalogues import ROOT

if TYPE_CHECKING:
    import numpy as np

RECORD = ROOT / "docs/results"


@dataclass(frozen=True)
class Recorded(Result):
    """A result as the record keeps it: without arrays and histories."""

    images: int | None = None
    answered: dict[str, str] | None = None  # see `bits`
    known: tuple[dict[str, Any], ...] = ()  # the scale of its data set, as in `reference.json`

    @property
    def test_images(self) -> int | None:
        """How many test images it was measured on."""
        return self.images

    @cached_property
    def right(self) -> "tuple[str, np.ndarray] | None":
        """Which test images a classifier answers right, as (N,) bool, after the SHA-256 of their labels; else None."""
        import numpy as np

        if not self.answered or not self.images:
            return None
        packed = np.frombuffer(bytes.fromhex(self.answered["right"]), np.uint8)
        return self.answered["labels"], np.unpackbits(packed, count=self.images).astype(bool)

    @property
    def scale(self) -> list[dict[str, Any]]:
        """The fidelity numbers of real images and of noise."""
        return list(self.known)


def result_of(entry: dict[str, Any], at: int = 0) -> Recorded:
    """The result that an entry's measurement describes. Raises UserError if another version of nets wrote it."""
    measurement, folder = entry["measurements"][at], RECORD / entry["suite"] / entry["run"]
    try:
        run = Run.from_json(json.dumps(entry["description"]))
    except (TypeError, KeyError):
        raise UserError(f"{folder}.json is of another version of nets; publish its run again.") from None
    return Recorded(
        *(folder, run, measurement["manifest"], "ok", "", "", Measure(**measurement["headline"])),
        list(numbers(measurement)),
        comparison_task(run),
        images=measurement["test_images"],
        answered=measurement["answered"],
        known=tuple(measurement["scale"]),
    )


def numbers(measurement: dict[str, Any]) -> Iterator[Number]:
    """The numbers of a measurement."""
    for group in measurement["metrics"]:
        for metric, value in group["metrics"].items():
            yield Number(group["split"], metric, value, describe(metric).direction, group["passport"])


def missing(entries: list[dict[str, Any]]) -> Iterator[Result]:
    """A hole for each seed of a row that has no entry, so that no mean is over fewer seeds than the row asks for."""
    known: dict[str, dict[str, Any]] = {entry["run"]: entry for entry in entries}
    for entry in entries:
        for seed in entry["seeds"]:
            name = re.sub(r"-s\d+$", f"-s{seed}", entry["run"])
            if name not in known:
                known[name] = entry
                description = entry["description"] | {"name": name, "seed": seed}
                run = Run.from_json(json.dumps(description))
                folder, reason = RECORD / entry["suite"] / name, "It is not in the record."
                yield Result(folder, run, {}, "not recorded", reason, "", None, [], comparison_task(run))
