"""From a source to the folder that training maps into memory. docs/files.md describes its layout."""

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from nets.data.arrayfile import ArrayFile
from nets.data.entries import number_of
from nets.data.listing import account_in_words
from nets.data.loaded import Loaded, Part
from nets.data.look import class_pixels, digests_of, look
from nets.data.normalisation import channel_statistics, divisors
from nets.data.places import data_root
from nets.data.prepared import PART
from nets.data.sources import load
from nets.data.splits import divide
from nets.errors import DataError, SourceUnavailable
from nets.files import write_json


def prepare(name: str, entry: dict, out: Path) -> dict:
    """Write the prepared data set into `out` and return what `dataset.json` holds.

    `dataset.json` is written last: without it, the folder is not prepared. If no source is available, its status is
    `no_data` with a reason, and the folders for arrays are empty. Raises DataError if a source is damaged or does not
    match the entry, OSError if the folder can't be written.
    """
    out.mkdir(parents=True, exist_ok=True)
    for part in PART.values():
        (out / part).mkdir(exist_ok=True)
    (out / "dataset.json").unlink(missing_ok=True)
    info = {"name": name, "status": "ok", "reason": None}
    info |= {key: entry[key] for key in ("title", "shape", "classes", "licence", "citation", "url")}
    info |= entry.get("masks", {})
    try:
        loaded = load(entry, data_root())
    except SourceUnavailable as reason:
        info |= {"status": "no_data", "reason": str(reason)}
    else:
        info |= _write(name, entry, loaded, out)
    write_json(out / "dataset.json", info)
    return info


def in_words(info: dict) -> str:
    """The content of a `dataset.json` in words."""
    if info["status"] != "ok":
        return f"no data. {info['reason']}"
    counts = ", ".join(f"{count} {split}" for split, count in info["counts"].items())
    size = "x".join(map(str, info["shape"]))
    source = info["source"]
    canonical = "canonical" if source["canonical"] else "not the canonical bytes"
    reading = [
        account_in_words(source["passed_by"]),
        *(f"{what} in {count:,} files" for what, count in source["changed"].items()),
    ]
    said = f"{counts} images of {size} from {source['kind']} {source['location']}, {canonical}"
    return "; ".join([said, *filter(None, reading)])


def _write(name: str, entry: dict, loaded: Loaded, out: Path) -> dict:
    """Write all arrays; return counts, hashes and statistics, and what a look at them has found."""
    source = loaded.learning
    own = loaded.test
    rows = _divide(name, entry, loaded)
    kept = np.union1d(rows["train"], rows["validation"])
    if own is None:
        hashes, digests = _write_images(out, entry, source, {"learning": kept, "test": rows["test"]})
    else:
        hashes, digests = _write_images(out, entry, source, {"learning": kept})
        of_test = _write_images(out, entry, own, {"test": rows["test"]})
        hashes, digests = hashes | of_test[0], digests | of_test[1]
    learning, test = source.labels[kept], (own or source).labels[rows["test"]]
    lists = {split: np.searchsorted(kept, rows[split]) for split in ("train", "validation")}
    lists["test"] = np.arange(len(test))
    arrays = {f"{PART[split]}/{split}": indices for split, indices in lists.items()}
    for file, values in {"learning/labels": learning, "test/labels": test, **arrays}.items():
        hashes |= _write_array(out, f"{file}.npy", values)
    labels = {s: (test if s == "test" else learning)[indices] for s, indices in lists.items()}
    mean, std = channel_statistics(out / "learning/images.npy", lists["train"]) if len(lists["train"]) else ([], [])
    counts = {split: _count(entry, values) for split, values in labels.items()}
    pixels = {split: _count_pixels(entry, out, split, indices) for split, indices in lists.items()}
    seen = {split: [digests[PART[split]][row] for row in indices] for split, indices in lists.items()}
    return {
        "counts": {split: len(indices) for split, indices in lists.items()},
        "class_counts": counts,
        "class_pixels": pixels,
        "splits": entry["splits"],
        "source": _provenance(loaded),
        "look": look(
            f"{name} from {loaded.location}", entry, seen, labels, pixels if "masks" in entry else counts, std
        ),
        "hashes": hashes,
        "mean": entry["mean"] or mean,
        "std": entry["std"] or divisors(std),
        "measured": {"mean": mean, "std": std},
    }


def _divide(name: str, entry: dict, loaded: Loaded) -> dict[str, np.ndarray]:
    """Check the labels (0..K-1, or all -1 without classes or with masks), and return the rows of each split."""
    low, high = (-1, -1) if entry["classes"] is None or "masks" in entry else (0, number_of(entry["classes"]) - 1)
    own = loaded.test
    try:
        for labels in [part.labels for part in (loaded.learning, own) if part is not None]:
            if len(labels) and not (low <= labels.min() and labels.max() <= high):
                raise DataError(f"labels are {labels.min()}..{labels.max()}, expected {low}..{high}.")
        own_test = None if own is None else len(own.labels)
        return divide(loaded.learning.labels, entry["splits"], own_test, loaded.validation)
    except DataError as error:
        raise DataError(f"{name} from {loaded.location}: {error}") from None


def _provenance(loaded: Loaded) -> dict:
    """Where the images come from, which files were skipped, and of how many files something was changed."""
    names = ("kind", "location", "canonical", "sha256", "passed_by")
    changed = Counter(what for what, _ in sorted(loaded.changes))
    return {name: getattr(loaded, name) for name in names} | {"changed": dict(changed)}


def _count(entry: dict, labels: np.ndarray) -> list[int] | None:
    if entry["classes"] is None or "masks" in entry:
        return None
    return np.bincount(labels, minlength=number_of(entry["classes"])).tolist()


def _count_pixels(entry: dict, out: Path, split: str, rows: np.ndarray) -> list[int] | None:
    if "masks" not in entry:
        return None
    numbers = class_pixels(out / PART[split] / "masks.npy", rows, number_of(entry["classes"]))
    void = entry["masks"]["void"]
    return [0 if label == void else number for label, number in enumerate(numbers)]


def _write_images(
    out: Path, entry: dict, part: Part, targets: dict[str, np.ndarray]
) -> tuple[dict[str, str], dict[str, list[bytes]]]:
    """Write the images, and masks if any, of the rows chosen for each target.

    Returns the hashes of the files, and for each target a digest of every image.
    """
    digests: dict[str, list[bytes]] = {name: [] for name in targets}
    hashes = _write_rows(out, "images", entry, tuple(entry["shape"]), part.chunks(), targets, digests)
    if "masks" in entry:
        from nets.data.masks import checked  # which needs Pillow

        hashes |= _write_rows(out, "masks", entry, tuple(entry["shape"][1:]), checked(entry, part), targets)
    return hashes, digests


def _write_rows(
    out: Path,
    what: str,
    entry: dict,
    shape: tuple[int, ...],
    chunks: Iterator[np.ndarray],
    targets: dict[str, np.ndarray],
    digests: dict[str, list[bytes]] | None = None,
) -> dict[str, str]:
    """Write the chosen rows of images or masks in one pass, and add their digests; return the hashes of the files."""
    with ExitStack() as stack:
        files = {
            name: stack.enter_context(ArrayFile(out / name / f"{what}.npy", (len(rows), *shape), np.uint8))
            for name, rows in targets.items()
        }
        start = 0
        for chunk in chunks:
            if chunk.shape[1:] != shape:
                actual, expected = ("x".join(map(str, size)) for size in (chunk.shape[1:], shape))
                raise DataError(f"{entry['title']}: {what} are {actual}, `shape` says {expected}.")
            for name, rows in targets.items():
                first, last = np.searchsorted(rows, (start, start + len(chunk)))
                chosen = chunk[rows[first:last] - start]
                files[name].append(chosen)
                if digests is not None:
                    digests[name] += digests_of(chosen)
            start += len(chunk)
    return {f"{name}/{what}.npy": file.sha256 for name, file in files.items()}


def _write_array(out: Path, name: str, values: np.ndarray) -> dict:
    with ArrayFile(out / name, values.shape, np.int64) as file:
        file.append(values)
    return {name: file.sha256}
