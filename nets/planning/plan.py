"""The forecast of a suite in the working folder, with all that is known here: earlier runs, and measured steps."""

import os
from collections.abc import Mapping
from pathlib import Path

from nets.errors import UserError
from nets.machine.slots import count_slots
from nets.planning import paces
from nets.planning.earlier import Machine, costs_of
from nets.planning.forecast import Forecast, forecast, kinds_of
from nets.run import Run

MOST = 4096  # slots that anybody has


def plan(
    runs: list[Run],
    results: str,
    slots: int | None = None,
    seconds: float = 0.0,
    own: bool = False,
    threads: int = 1,
    started: Mapping[str, float] | None = None,
) -> Forecast:
    """The forecast of a suite's runs, whose results are in `results`.

    Networks that have never run here are measured for at most `seconds`. `own`: also those of the user's modules, which
    runs their code. `slots` is how many jobs compute at once; by default one a slot of each GPU, or else one a core.
    `started` has what is left of jobs at work, if the suite runs now.
    """
    cores = usable_cores()
    machine = Machine.here(threads)
    keys, kinds = kinds_of(runs)
    costs = costs_of(Path(results).parent, machine, {run.digest: keys[run.name] for run in runs}, started is not None)
    folder = paces.cache_folder(machine)
    known = paces.load_paces(kinds, folder)
    if seconds > 0 and (wanted := paces.missing(kinds, {*costs, *known}, own)):
        paces.measure(wanted, folder, seconds, threads)
        known = paces.load_paces(kinds, folder)
    used = slots or count_slots(cores)
    return forecast(runs, keys, results, costs, known, used, max(cores, used), threads, started)


def usable_cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def parse_slots(text: str) -> int:
    """A number of slots. Raises UserError."""
    if not text.isdecimal() or not 0 < int(text) <= MOST:
        raise UserError(f"SLOTS={text[:20]}: set a whole number from 1 to {MOST}.")
    return int(text)
