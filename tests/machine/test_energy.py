"""The energy of a job, where a meter can be read."""

from pathlib import Path

import pytest

from nets.machine.energy import Reading, joules


def machine(folder: Path, energy: int, busy: int) -> dict[str, Path]:
    """A /sys and a /proc of an invented machine: microjoules of one package, ticks that its processors worked."""
    for name, value in {"intel-rapl:0": energy, "intel-rapl:0:0": 10**9}.items():
        (folder / name).mkdir(parents=True, exist_ok=True)
        (folder / name / "energy_uj").write_text(f"{value}\n")
        (folder / name / "max_energy_range_uj").write_text("1000000000\n")
    (folder / "stat").write_text(f"cpu  {busy} 0 0 777 888 0 0 0 0 0\ncpu0 1 2 3\n")
    return {"rapl": folder, "stat": folder / "stat"}


def reading(packages: dict, own: float, all_of_them: float) -> Reading:
    return Reading(packages, own, all_of_them)


def test_the_counters_are_read_and_parts_of_packages_are_not_counted_twice(tmp_path):
    found = Reading.now(**machine(tmp_path, 5_000_000, 400))
    assert found.packages == {"intel-rapl:0": (5_000_000, 1_000_000_000)}
    assert found.all == pytest.approx(4.0), "100 ticks a second, without idle time"


def test_a_job_has_the_share_of_its_processor_time():
    before, after = reading({"p": (1_000_000, 10**9)}, 1.0, 10.0), reading({"p": (9_000_000, 10**9)}, 3.0, 18.0)
    assert joules(before, after) == pytest.approx(8 * 2 / 8)


def test_a_counter_may_start_again():
    before, after = reading({"p": (999_000_000, 10**9)}, 0.0, 0.0), reading({"p": (1_000_000, 10**9)}, 1.0, 1.0)
    assert joules(before, after) == pytest.approx(2)


def test_without_a_meter_there_are_no_joules(tmp_path):
    nothing = Reading.now(tmp_path / "none", tmp_path / "none")
    assert nothing.packages == {} and joules(nothing, nothing) is None
