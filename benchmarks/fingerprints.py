"""Whether two revisions compute the same numbers: SHA-256 of every run's weights and metrics, listed or compared.

    python -m benchmarks.fingerprints results/quick > before.tsv     before a change
    python -m benchmarks.fingerprints before.tsv results/quick       after it: lists what differs

Weights are equal bit for bit only on the same kind of machine with the same versions of the packages.
"""

import argparse
import csv
import hashlib
import json
import sys
from pathlib import Path

from nets.files import sha256

COLUMNS = ("weights", "best_weights", "metrics")
ABSENT = "-"

Fingerprints = dict[str, dict[str, str]]  # by run, then by column


def main(argv: list[str] | None = None) -> int:
    """List one suite's fingerprints, or compare two; the status is 1 if they differ."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.fingerprints",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("first", type=Path, help="a suite's results, or a list that this command printed")
    parser.add_argument("second", type=Path, nargs="?", help="the same, to compare the first with")
    args = parser.parse_args(argv)
    first = load(args.first)
    if args.second is None:
        write(first)
        return 0
    second = load(args.second)
    differences = compare(first, second)
    print("\n".join(differences) or f"All {len(second)} runs have the same weights and metrics.")
    return 1 if differences else 0


def load(path: Path) -> Fingerprints:
    """The fingerprints of a folder of results, or of a list. Exits with a sentence if there are none."""
    try:
        fingerprints = measure(path) if path.is_dir() else read(path)
    except OSError as error:
        sys.exit(f"{path}: {error.strerror}; name a folder such as results/quick, or a list made from one.")
    if not fingerprints:
        sys.exit(f"{path} holds no runs; name a folder such as results/quick, or a list made from one.")
    return fingerprints


def measure(results: Path) -> Fingerprints:
    """The fingerprints of every run below `results`, sorted by name."""
    return {
        folder.name: {
            "weights": file_sha256(folder / "model.safetensors"),
            "best_weights": file_sha256(folder / "best.safetensors"),
            "metrics": metrics_sha256(folder / "metrics.json"),
        }
        for folder in sorted(results.glob("runs/*/"))
    }


def file_sha256(path: Path) -> str:
    """SHA-256 of a file's bytes; "-" if there is no file."""
    return sha256(path) if path.exists() else ABSENT


def metrics_sha256(path: Path) -> str:
    """SHA-256 of the split, name and value of every metric, in sorted order; "-" if there is no file."""
    if not path.exists():
        return ABSENT
    metrics = json.loads(path.read_text(encoding="utf-8"))["metrics"]
    lines = sorted(json.dumps([metric["split"], metric["metric"], metric["value"]]) for metric in metrics)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def write(fingerprints: Fingerprints) -> None:
    """Print a list: a header, and one line per run."""
    print("\t".join(("run", *COLUMNS)))
    for run, columns in fingerprints.items():
        print("\t".join((run, *(columns[column] for column in COLUMNS))))


def read(path: Path) -> Fingerprints:
    """Read such a list back."""
    with open(path, encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    return {row["run"]: {column: row[column] for column in COLUMNS} for row in rows if row.keys() == {"run", *COLUMNS}}


def compare(first: Fingerprints, second: Fingerprints) -> list[str]:
    """One line for every run that differs: the columns that differ, or the side that lacks the run."""
    lines = []
    for run in sorted(first.keys() | second.keys()):
        if run not in first or run not in second:
            lines.append(f"{run}: only in the {'first' if run in first else 'second'}")
        elif changed := [column for column in COLUMNS if first[run][column] != second[run][column]]:
            lines.append(f"{run}: {', '.join(changed)}")
    if lines:
        lines.append(f"{len(lines)} of {len(first.keys() | second.keys())} runs differ.")
    return lines


if __name__ == "__main__":
    sys.exit(main())
