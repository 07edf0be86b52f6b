"""What a suite's folder holds, in one record: what was run, where, when, at what cost, and what failed."""

import datetime
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from nets.reporting.comparisons import Comparison
from nets.reporting.results import Result

STAGES = ("train", "evaluate")


def overview(suite: str, results: Sequence[Result], comparisons: Iterable[Comparison]) -> dict[str, Any]:
    """The content of `overview.json`; docs/files.md describes it. What is unknown is None."""
    return {
        "suite": suite,
        "runs": len(results),
        "rows": len({result.name.rpartition("-s")[0] for result in results}),
        "results": sum(result.ok for result in results),
        "tables": [table_facts(comparison) for comparison in comparisons],
        "holes": [
            {"run": result.name, "status": result.status, "reason": result.reason, "command": result.retry or None}
            for result in results
            if not result.ok
        ],
        "unmeasured": sum(number.value is None for result in results for number in result.numbers),
        "started": moment(min(begun)) if (begun := [start for start, _ in times(results)]) else None,
        "ended": moment(max(ends)) if (ends := [end for _, end in times(results)]) else None,
        "machines": machines(results),
        "revisions": counted(result.manifest.get("revision") for result in results),
        "packages": packages(results),
        "cost": cost(results),
    }


def table_facts(comparison: Comparison) -> dict[str, Any]:
    """What a table compares."""
    results = comparison.results
    return {
        "table": comparison.table.name,
        "title": comparison.table.title,
        "task": comparison.task,
        "dataset": comparison.dataset,
        "rows": len(comparison.table.rows),
        "runs": len(results),
        "holes": sum(not result.ok for result in results),
    }


def times(results: Iterable[Result]) -> list[tuple[datetime.datetime, datetime.datetime]]:
    """When the training of each run began, and when its last stage that is known ended.

    A training that was interrupted has ended later than this.
    """
    found = []
    for result in results:
        if began := result.manifest.get("started"):
            start = datetime.datetime.fromisoformat(began)
            ends = [start + datetime.timedelta(seconds=result.manifest.get("seconds") or 0)]
            for stage in result.costs.values():
                begin = datetime.datetime.fromisoformat(stage["started"])
                ends.append(begin + datetime.timedelta(seconds=stage["seconds"]))
            found.append((start, max(ends)))
    return found


def moment(time: datetime.datetime) -> str:
    """A time in UTC, to the second."""
    return time.astimezone(datetime.UTC).isoformat(timespec="seconds")


def machines(results: Iterable[Result]) -> list[dict[str, Any]]:
    """The machines that trained runs, the one with most runs first."""
    keys = ("cpu", "cores", "gpu", "system")
    used = Counter(
        tuple((result.manifest.get("hardware") or {}).get(key) for key in keys)
        + (result.manifest.get("device"), result.manifest.get("threads"))
        for result in results
        if result.manifest.get("hardware")
    )
    names = (*keys, "device", "threads", "runs")
    return [dict(zip(names, (*machine, runs), strict=True)) for machine, runs in used.most_common()]


def counted(values: Iterable[str | None]) -> dict[str, int]:
    """How often each value occurs, the most frequent first."""
    return dict(Counter(value for value in values if value).most_common())


def packages(results: Iterable[Result]) -> dict[str, list[str]]:
    """The versions of each package with which runs were trained."""
    found: dict[str, list[str]] = {}
    for result in results:
        for name, version in (result.manifest.get("packages") or {}).items():
            if version not in found.setdefault(name, []):
                found[name].append(version)
    return found


def cost(results: Sequence[Result]) -> dict[str, Any]:
    """Seconds of each stage, summed over runs; energy, summed over the jobs that could read it."""
    stages = {name: [stage for result in results if (stage := result.costs.get(name))] for name in STAGES}
    trained = [seconds for result in results if (seconds := result.manifest.get("seconds")) is not None]
    read = [stage for each in stages.values() for stage in each if stage.get("joules") is not None]
    return {
        "training_seconds": round(sum(trained), 3) if trained else None,
        "evaluation_seconds": round(sum(s["seconds"] for s in stages["evaluate"]), 3) if stages["evaluate"] else None,
        "evaluated_runs": len(stages["evaluate"]),
        "joules": round(sum(stage["joules"] for stage in read), 1) if read else None,
        "joules_of": {"jobs": len(read), "seconds": round(sum(stage["seconds"] for stage in read), 3)},
        "meters": sorted({stage["meter"] for stage in read}),
    }
