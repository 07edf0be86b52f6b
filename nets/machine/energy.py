"""The energy that a job takes, where the machine has a meter that this process may read.

The meter is RAPL, the counters of the processor's packages (Linux; since kernel 5.10, only root may read them, unless
the administrator allows more). They count the whole machine, so a job gets the share of the energy that it has of the
processor time that was used meanwhile. The energy of a GPU is not in them.
"""

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

METER = "RAPL"
RAPL, STAT = Path("/sys/class/powercap"), Path("/proc/stat")
IDLE = (3, 4)  # columns of /proc/stat in which a processor did nothing: idle, iowait


@dataclass(frozen=True)
class Reading:
    """The counters at one time."""

    packages: dict[str, tuple[int, int]]  # microjoules of each package, and where its counter starts again
    own: float  # processor seconds of this process and those that it has waited for
    all: float  # processor seconds of the machine

    @classmethod
    def now(cls, rapl: Path = RAPL, stat: Path = STAT) -> "Reading":
        """Read the counters; those that can't be read are left out."""
        packages = {}
        for folder in sorted(rapl.glob("intel-rapl:[0-9]*")):
            if folder.name.count(":") == 1:  # a part of a package is in the package
                try:
                    values = (int((folder / name).read_text()) for name in ("energy_uj", "max_energy_range_uj"))
                    packages[folder.name] = next(values), next(values)
                except (OSError, ValueError):
                    continue
        own, times = os.times(), [0.0]
        with suppress(OSError, ValueError):
            times = [float(word) for word in stat.read_text().split("\n", 1)[0].split()[1:9]]
        busy = sum(value for at, value in enumerate(times) if at not in IDLE) / os.sysconf("SC_CLK_TCK")
        return cls(packages, own.user + own.system + own.children_user + own.children_system, busy)


def joules(before: Reading, after: Reading) -> float | None:
    """The energy between two readings that is this process's; None without a meter."""
    shared = before.packages.keys() & after.packages.keys()
    if not shared or after.all <= before.all:
        return None
    micro = 0
    for name in shared:
        spent = after.packages[name][0] - before.packages[name][0]
        micro += spent if spent >= 0 else spent + after.packages[name][1]
    share = min(1.0, (after.own - before.own) / (after.all - before.all))
    return round(micro / 1e6 * share, 3)
