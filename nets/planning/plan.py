"""The forecast of a suite in the working folder, with all that is known here: earlier runs, and measured steps."""

import os
from collections.abc import Mapping
from pathlib import Path

from nets.errors import UserError
from nets.machine.slots import count_slots
from nets.planning import paces
from nets.planning.earlier import Machine, costs_of
from nets.planning.forecast import Forecast, forecast
from nets.run import Run
from nets.suite import paths

MOST = 4096  # slots that anybody has


def plan(
    runs: list[Run],
    table: Path,
    slots: int | None = None,
    seconds: float = 0.0,
    own: bool = False,
    threads: int = 1,
    started: Mapping[str, float] | None = None,
) -> Forecast:
    """The forecast of a table's runs. Networks that have never run here are measured for at most `seconds`.

    `slots` is how many jobs compute at once; by default one for each slot of a GPU, or each core. `own`: networks of the
    user's modules are measured, too, which runs their code.
    """
    results, cores = paths.results_of(table), usable_cores()
    machine = Machine.here(threads)
    costs = costs_of(Path(results).parent, machine, runs)
    folder = paces.cache_folder(machine)
    known = paces.load_paces(runs, folder)
    if seconds > 0 and (wanted := paces.missing(runs, {*costs, *known}, own)):
        paces.measure(wanted, folder, seconds, threads)
        known = paces.load_paces(runs, folder)
    used = slots or count_slots(cores)
    return forecast(runs, results, costs, known, used, max(cores, used), threads, started)


def usable_cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def parse_slots(text: str) -> int:
    """A number of slots. Raises UserError."""
    if not text.isdecimal() or not 0 < int(text) <= MOST:
        raise UserError(f"SLOTS={text[:20]}: set a whole number from 1 to {MOST}.")
    return int(text)
