"""The part of a table that fits a time: one seed of each row before the second, and the short rows first."""

import re
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from nets.errors import ConfigError, UserError
from nets.files import atomic
from nets.planning.forecast import Forecast, jobs_of
from nets.planning.simulation import simulate
from nets.run import Run
from nets.suite.catalogues import ROOT
from nets.suite.expansion import load_runs
from nets.suite.published import find_published
from nets.suite.starts import row_name
from nets.suite.table import table_of

FOLDER = "budget"  # in the folder of a suite's results
UNITS = {"h": 3600.0, "min": 60.0, "m": 60.0, "s": 1.0}
BESIDE = ("models.yaml", "datasets.yaml", "recipes.yaml", "weights.yaml")


def parse_budget(text: str) -> float:
    """The seconds in '2h', '90min', '1h30min' or '45s'. Raises UserError."""
    parts = re.findall(r"(\d+(?:\.\d+)?)\s*(h|min|m|s)?", text.strip())
    known = re.fullmatch(r"(\s*\d+(\.\d+)?\s*(h|min|m|s)\s*)+", text.strip())
    if not known or not (seconds := sum(float(number) * UNITS[unit] for number, unit in parts)):
        raise UserError(f"BUDGET={text[:60]}: write a time such as 2h, 90min or 1h30min.")
    return seconds


@dataclass(frozen=True)
class Chosen:
    """The runs that fit a budget."""

    runs: list[Run]  # in the order of the table, with those that they start from
    left_out: list[Run]
    seconds: float  # that they take together


def choose(planned: Forecast, results: str, budget: float, slots: int, cores: int, threads: int = 1) -> Chosen:
    """The runs that fit a budget (seconds); runs that are done cost nothing, and are chosen too."""
    by_name = {run.name: run for run in planned.runs}
    ranks: dict[str, int] = {}
    candidates: list[tuple[int, float, int, Run]] = []
    for at, run in enumerate(run for run in planned.runs if run.purpose == "benchmark"):
        ranks[row_name(run)] = rank = ranks.get(row_name(run), -1) + 1
        candidates.append((rank, planned.seconds(run), at, run))
    taken: dict[str, Run] = {}

    def together(names: Iterable[str]) -> float:
        runs = [by_name[name] for name in names]
        jobs = jobs_of(runs, results, planned.costs, planned.done, threads, {})
        return simulate(jobs, slots, cores).seconds

    work = 0.0
    for _, _, _, run in sorted(candidates, key=lambda each: each[:3]):
        added = [each for each in needed(run, by_name) if each.name not in taken]
        more = sum(planned.seconds(each) for each in added)
        if (work + more) / slots > budget:  # no order of the jobs is faster than that
            continue
        taken |= {each.name: each for each in added}
        work += more
    order = [run for _, _, _, run in sorted(candidates, key=lambda each: each[:3]) if run.name in taken]
    while order and (seconds := together(taken)) > budget:
        surplus = (seconds - budget) * slots  # the end is longer than the work, since some jobs wait for others
        while order and surplus > 0:
            surplus -= max(1.0, planned.seconds(order.pop()))
        taken = {each.name: each for run in order for each in needed(run, by_name)}
    kept = [run for run in planned.runs if run.name in taken]
    if not any(run.purpose == "benchmark" for run in kept):
        shortest = min(planned.seconds(run) for _, _, _, run in candidates)
        raise UserError(f"No run fits the budget: the shortest takes {shortest:.0f} s, and its comparison some more.")
    left_out = [run for run in planned.runs if run.name not in taken and run.purpose == "benchmark"]
    return Chosen(kept, left_out, together(taken))


def needed(run: Run, by_name: dict[str, Run]) -> list[Run]:
    """A run, after those that it needs: that which it starts from, and the classifier that measures its samples."""
    found: list[Run] = []
    names = [run.pretrained["name"] if run.pretrained else None, run.fidelity["indomain"] if run.fidelity else None]
    for name in names:
        if name in by_name:
            found += needed(by_name[name], by_name)
    return [*found, run]


def write_table(table: Path, chosen: Chosen, results: str) -> Path:
    """Write the rows of a table with the seeds that were chosen, into the folder of its results.

    Its name stays, so its results go to the same folder: what is done is done, and the whole table later runs the rest.
    The catalogues beside the table are copied with it. Raises UserError if its runs would not be the chosen ones.
    """
    folder = Path(results, FOLDER)
    if table.resolve().parent == folder.resolve():
        raise UserError(f"{table} is the table of a budget already; plan the table that it was made from.")
    rows = table_of((run.row, run.seed) for run in chosen.runs if run.purpose == "benchmark")
    written = folder / table.name
    folder.mkdir(parents=True, exist_ok=True)
    beside = [table.parent / name for name in BESIDE] if table.resolve().parent != ROOT / "config" else []
    if beside and (published := find_published(table)).parent == table.parent:
        beside.append(published)
    for name in {*BESIDE, *(path.name for path in beside)}:
        (folder / name).unlink(missing_ok=True)
    for path in beside:
        if path.exists():
            shutil.copy(path, folder / path.name)
    with atomic(written) as temporary:
        temporary.write_text(rows, encoding="utf-8")
    try:
        same = {run.name: run.digest for run in load_runs(written)} == {run.name: run.digest for run in chosen.runs}
    except ConfigError as error:
        raise UserError(f"The rows that fit can't stand alone: {error}") from None
    if not same:
        raise UserError(f"{written}: alone, its rows would be other runs than in {table}; take a larger budget.")
    return written
