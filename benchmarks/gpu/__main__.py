"""All that a GPU is wanted for, in this order: does nets work there, how fast is it, and results worth having.

    python -m benchmarks.gpu --minutes 14 --data packs --out gpu            on a machine with a GPU
    python -m benchmarks.gpu --minutes 2 --data packs --out gpu --pretend   the same on the CPU, with small limits

The checks (`benchmarks.gpu.checks`) get at most a third of the minutes, the speeds (`benchmarks.gpu.speed`) at most a
sixth, and the rows (`benchmarks.gpu.rows`) what is left. Started again with the same `--out`, it skips the first two if
they have run, and goes on with the rows. The exit status is 1 if a check or a row has failed.
"""

import sys
import time

from benchmarks.gpu import checks, rows, speed
from benchmarks.gpu.command import device_of, parser_of

IN_SHORT = ["runs/lenet5", "risks/operations"]  # checks, with --pretend


def main(argv: list[str] | None = None) -> int:
    """Run the three steps."""
    parser = parser_of("benchmarks.gpu", __doc__)
    parser.add_argument("--data", **rows.DATA)
    args = parser.parse_args(argv)
    end, device = time.monotonic() + 60 * args.minutes, device_of(args.pretend)
    failed = 0
    if not (args.out / "checks/checks.jsonl").exists():
        options = ["--pretend", "--only", *IN_SHORT] if args.pretend else []
        minutes = ["--minutes", str(args.minutes / 3)]
        failed = checks.main([*minutes, "--out", str(args.out / "checks"), *options])
    if not (args.out / "speed.jsonl").exists():
        speed.measure_all(args.out, args.minutes / 6, device, args.pretend)
    left = (end - time.monotonic()) / 60
    lines = rows.train_rows(args.data, args.out, left, device, args.pretend) if left > 0 else []
    return max(failed, rows.status_of(lines))


if __name__ == "__main__":
    sys.exit(main())
