"""Prepare one data set: find a source, verify it, write the arrays that training maps into memory."""

import argparse
import sys
import time
from pathlib import Path

from nets.data.entries import load_catalogue, load_entry
from nets.data.preparation import prepare
from nets.errors import DataError
from nets.suite.keys import data_source, record


def main(argv: list[str] | None = None) -> int:
    """Exit status: 0 where the folder is written (also as `no_data`), 1 after one sentence on stderr."""
    options = _options(argv)
    start = time.perf_counter()
    try:
        entry = _entry(options)
        record(options.output, "prepare", {"entry": entry, "source": data_source(entry).files})
        info = prepare(options.dataset, entry, options.output)
    except (DataError, OSError) as error:
        print(f"prepare {options.dataset}: {_sentence(error)}", file=sys.stderr)
        return 1
    print(f"{options.dataset}: {_summary(info)} ({time.perf_counter() - start:.1f} s)")
    return 0


def _options(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m nets.jobs.prepare", description=__doc__)
    parser.add_argument("--dataset", required=True, help="name, as in the catalogue")
    parser.add_argument("--output", required=True, type=Path, help="folder, as results/data/<dataset>")
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--entry", type=Path, help="JSON or YAML file that holds the entry alone")
    where.add_argument(
        "--catalogue",
        type=Path,
        default=Path("config/datasets.yaml"),
        help="by default config/datasets.yaml",
    )
    return parser.parse_args(argv)


def _entry(options: argparse.Namespace) -> dict:
    if options.entry:
        return load_entry(options.entry, options.dataset)
    catalogue = load_catalogue(options.catalogue)
    if options.dataset not in catalogue:
        known = ", ".join(catalogue)
        raise DataError(f"{options.catalogue} has no data set {options.dataset}; it has {known}.")
    return catalogue[options.dataset]


def _sentence(error: DataError | OSError) -> str:
    if isinstance(error, OSError):
        return f"can't write or read {error.filename or 'a file'}: {error.strerror or error}."
    return str(error)


def _summary(info: dict) -> str:
    if info["status"] != "ok":
        return f"no data. {info['reason']}"
    counts = ", ".join(f"{count} {split}" for split, count in info["counts"].items())
    size = "x".join(map(str, info["shape"]))
    source = info["source"]
    bytes_ = "canonical" if source["canonical"] else "not the canonical bytes"
    return f"{counts} images of {size} from {source['kind']} {source['location']}, {bytes_}"


if __name__ == "__main__":
    sys.exit(main())
