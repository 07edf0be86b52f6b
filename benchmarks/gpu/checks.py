"""Whether nets works on this machine's GPU: what no CPU can show, in a few minutes, with a line of JSON for each check.

    python -m benchmarks.gpu.checks --minutes 5 --out gpu            on a machine with a GPU
    python -m benchmarks.gpu.checks --minutes 5 --out gpu --pretend  the same on the CPU, with small limits

It needs a checkout, NumPy and torch 2.11 or later, and neither a network nor data: images are generated, with a seed.
Where torch-fidelity is missing, KID and Inception Score are left out; where safetensors is missing, torch's own format
takes its place. Checks run in the order of their value and write to `OUT/checks.jsonl` as they end, so a run that is
cut off loses one check. The exit status is 1 if any failed. `--only runs steps/unet` takes the checks whose names begin
so.
"""

import sys
import time
import traceback
from typing import Any

from benchmarks.gpu.arithmetic import (
    check_counts,
    check_fidelity,
    check_float16,
    check_float32,
    check_gradient_penalty,
    check_macs,
    check_measured_in_float32,
    check_operations,
    check_training_in_float32,
)
from benchmarks.gpu.bench import (
    Bench,
    Check,
    Facts,
    Wrong,
)
from benchmarks.gpu.command import OutOfTime, device_of, journal, limited, parser_of
from benchmarks.gpu.machine import (
    check_data_that_do_not_fit,
    check_generators,
    check_judge,
    check_killed,
    check_kinds_of_device,
    check_out_of_memory,
    check_peak_memory,
    check_slots,
    check_timing,
)
from benchmarks.gpu.runs import NETWORKS, RUNS, check_network, check_run
from benchmarks.gpu.steps import MEASURED, check_replays, check_speed

CHECKS: dict[str, Check] = {
    **{f"runs/{run.model}": check_run(run) for run in RUNS},
    "risks/float32": check_float32,
    "risks/measured in float32": check_measured_in_float32,
    "risks/operations": check_operations,
    "risks/training in float32": check_training_in_float32,
    "risks/counts": check_counts,
    "risks/fidelity": check_fidelity,
    "risks/gradient penalty": check_gradient_penalty,
    "risks/float16": check_float16,
    "risks/random generators": check_generators,
    "risks/judge": check_judge,
    "risks/kinds of device": check_kinds_of_device,
    "risks/out of memory": check_out_of_memory,
    "risks/peak memory": check_peak_memory,
    "risks/macs": check_macs,
    "risks/timing": check_timing,
    "risks/replayed steps": check_replays,
    "slots/two at once": check_slots,
    "slots/killed": check_killed,
    "data/does not fit": check_data_that_do_not_fit,
    **{f"steps/{entry[1]}": check_network(*entry) for entry in NETWORKS},
    **{f"speed/{name}": check_speed(name) for name in MEASURED},
}


def run_check(check: Check, place: Bench) -> tuple[str, str, Facts]:
    """How a check ends (passed, failed, or error), a sentence, and facts."""
    try:
        return "passed", "", check(place)
    except Wrong as reason:
        return "failed", str(reason), {}
    except Exception as error:
        return "error", f"{type(error).__name__}: {error}".splitlines()[0], {"trace": traceback.format_exc()}


def run_all(names: list[str], place: Bench, minutes: float) -> list[dict[str, Any]]:
    """Run checks until the time is over; a line of `checks.jsonl` is written as each ends."""
    rows: list[dict[str, Any]] = []
    facts = {"pretend": place.pretend, "minutes": minutes}
    with journal(place.folder / "checks.jsonl", "w", place.device, str, **facts) as write:
        try:
            with limited(60 * minutes):
                for name in names:
                    started = time.monotonic()
                    rows.append({"check": name, "status": "cut off", "sentence": "The time was over."})
                    status, sentence, facts = run_check(CHECKS[name], place)
                    seconds = round(time.monotonic() - started, 2)
                    rows[-1] = {
                        "check": name,
                        "status": status,
                        "seconds": seconds,
                        "sentence": sentence,
                        "facts": facts,
                    }
                    write(rows[-1])
                    print(f"{status:8}{seconds:8.1f} s  {name}  {sentence}", flush=True)
        except OutOfTime:
            write(rows[-1])
    return rows


def table(rows: list[dict[str, Any]], names: list[str]) -> str:
    """The results as a table, what has not passed first."""
    order = sorted(rows, key=lambda row: row["status"] == "passed")
    lines = [f"{row['check']:28}{row['status']:10}{row.get('seconds', ''):>8}  {row['sentence']}" for row in order]
    passed = sum(row["status"] == "passed" for row in rows)
    return "\n".join([*lines, f"{passed} of {len(names)} checks passed; {len(names) - len(rows)} were not begun."])


def main(argv: list[str] | None = None) -> int:
    """Run the checks; the status is 1 if one did not pass."""
    parser = parser_of("benchmarks.gpu.checks", __doc__, 5)
    parser.add_argument("--only", nargs="+", default=[""], help="how the names of checks begin")
    args = parser.parse_args(argv)
    names = [name for name in CHECKS if name.startswith(tuple(args.only))]
    if not names:
        sys.exit(f"No check's name begins with {' or '.join(args.only)}; there are {', '.join(CHECKS)}.")
    device = device_of(args.pretend)
    if args.out.exists() and any(args.out.iterdir()):
        sys.exit(f"{args.out} is not empty; name a new folder.")
    args.out.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    rows = run_all(names, Bench(device, args.out.absolute(), args.pretend), args.minutes)
    print(f"\n{table(rows, names)}\n{time.monotonic() - started:.0f} s; {args.out / 'checks.jsonl'}")
    return int(any(row["status"] != "passed" for row in rows))


if __name__ == "__main__":
    sys.exit(main())
