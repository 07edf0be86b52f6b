"""Packs the images of a data set into files of at most 60 MiB, without loss, for machines that only take small files.

    python -m benchmarks.gpu.pack cifar10 cifar100 --out packs

It reads the first available source of an entry of config/datasets.yaml below `data/` or `$NETS_DATA`, and writes
`<name>.json` and `<name>-1.pack`, `<name>-2.pack`, ... . Reading them needs NumPy alone. CIFAR-10 (184 MB) takes two
files, together 107 MiB.

Red and blue are stored as their difference from green, and each value as its difference from a guess: the median of the
value on the left, the one above, and their sum less the one above left (Martucci 1990, as in JPEG-LS). LZMA packs these
differences, one channel behind the other.
"""

import argparse
import lzma
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from nets.data.loaded import Loaded, Part
from nets.data.places import data_root
from nets.data.sources import load
from nets.errors import DataError, SourceUnavailable, UserError
from nets.files import read_json, write_json
from nets.suite.catalogues import ROOT, load_catalogue, look_up
from nets.trust import inside

LARGEST = 60 << 20  # bytes of a file
TOGETHER = 4096  # images that are packed at a time
FILTERS = [{"id": lzma.FILTER_LZMA2, "preset": 0, "lc": 4, "lp": 0, "pb": 0}]  # differences hardly repeat themselves


def guess(left: np.ndarray, above: np.ndarray, corner: np.ndarray) -> np.ndarray:
    """The median of left, above and left + above - corner, all int16."""
    low, high = np.minimum(left, above), np.maximum(left, above)
    return np.clip(left + above - corner, low, high)


def differences(images: np.ndarray) -> np.ndarray:
    """Images (N, C, H, W) uint8 as differences (C, N, H, W) uint8 from what is guessed."""
    planes = np.ascontiguousarray(images.transpose(1, 0, 2, 3))
    if len(planes) == 3:
        planes[[0, 2]] -= planes[1]
    wide = np.pad(planes.astype(np.int16), ((0, 0), (0, 0), (1, 0), (1, 0)))
    return (planes - guess(wide[..., 1:, :-1], wide[..., :-1, 1:], wide[..., :-1, :-1])).astype(np.uint8)


def images_of(differing: np.ndarray) -> np.ndarray:
    """The images (N, C, H, W) uint8 of their differences (C, N, H, W): one pixel of all images after the other."""
    _, _, height, width = differing.shape
    wide = np.zeros((height + 1, width + 1, *differing.shape[:2]), np.int16)  # one row and column more
    found = differing.transpose(2, 3, 0, 1)
    for y in range(height):
        for x in range(width):
            wide[y + 1, x + 1] = (found[y, x] + guess(wide[y + 1, x], wide[y, x + 1], wide[y, x])) & 255
    planes = wide[1:, 1:].transpose(2, 3, 0, 1).astype(np.uint8)
    if len(planes) == 3:
        planes[[0, 2]] += planes[1]
    return np.ascontiguousarray(planes.transpose(1, 0, 2, 3))


def write(name: str, entry: dict[str, Any], loaded: Loaded, out: Path, largest: int = LARGEST) -> list[Path]:
    """Write `name`.json and its files into `out`; returns their paths."""
    out.mkdir(parents=True, exist_ok=True)
    records: list[dict[str, Any]] = []
    parts = {"learning": loaded.learning} | ({"test": loaded.test} if loaded.test else {})
    number, size = 1, 0
    files = [out / f"{name}-1.pack"]
    files[0].unlink(missing_ok=True)
    for part, content in parts.items():
        for images in (
            some for chunk in content.chunks() for some in np.array_split(chunk, -(-len(chunk) // TOGETHER))
        ):
            packed = lzma.compress(differences(images).tobytes(), lzma.FORMAT_XZ, filters=FILTERS)
            if size and size + len(packed) > largest:
                number, size = number + 1, 0
                files.append(out / f"{name}-{number}.pack")
                files[-1].unlink(missing_ok=True)
            with open(files[-1], "ab") as file:
                file.write(packed)
            records.append({"part": part, "file": files[-1].name, "bytes": len(packed), "shape": images.shape})
            size += len(packed)
    write_json(
        out / f"{name}.json",
        {
            "sources": entry["sources"],
            "facts": {key: getattr(loaded, key) for key in ("kind", "canonical", "sha256", "validation")},
            "identity": {part: content.identity() for part, content in parts.items()},
            "labels": {part: content.labels.tolist() for part, content in parts.items()},
            "records": records,
        },
    )
    return [out / f"{name}.json", *files]


def find(folder: Path, entry: dict[str, Any]) -> Path | None:
    """The .json of the pack in a folder that was made from the sources of an entry; None if there is none."""
    known = (path for path in sorted(folder.glob("*.json")))
    return next((path for path in known if read_json(path).get("sources") == entry["sources"]), None)


def read(entry: dict[str, Any], source: dict[str, Any], root: Path) -> Loaded:
    """A reader of sources (`nets.data.sources`): the images and labels of a pack. Raises DataError if it is damaged."""
    path = Path(source["path"])
    content = read_json(path)
    parts = {}
    for part, labels in content["labels"].items():
        try:
            images = np.concatenate(list(unpacked(path.parent, content["records"], part)))
        except (OSError, EOFError, lzma.LZMAError, ValueError) as error:
            raise DataError(f"{path} can't be unpacked ({error}); copy it and its .pack files again.") from None
        parts[part] = Part.of(images, np.array(labels))
        if len(labels) != len(images) or parts[part].identity() != content["identity"][part]:
            raise DataError(f"{path} is damaged: its images are not those that were packed; copy it again.")
    facts = content["facts"]
    return Loaded(parts["learning"], parts.get("test"), location=str(path), **facts)


def unpacked(folder: Path, records: list[dict[str, Any]], part: str) -> Iterator[np.ndarray]:
    """The images (n, C, H, W) of each record of a part."""
    places: dict[str, int] = {}
    for record in records:
        start = places.get(record["file"], 0)
        places[record["file"]] = start + record["bytes"]
        if record["part"] == part:
            with open(inside(folder, record["file"]), "rb") as file:
                file.seek(start)
                packed = lzma.decompress(file.read(record["bytes"]))
            count, *shape = record["shape"]
            channels, height, width = shape
            yield images_of(np.frombuffer(packed, np.uint8).reshape(channels, count, height, width))


def main(argv: list[str] | None = None) -> int:
    """Pack data sets."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.gpu.pack",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("names", nargs="+", help="entries of config/datasets.yaml")
    parser.add_argument("--out", type=Path, required=True, help="folder for the files")
    args = parser.parse_args(argv)
    catalogue = ROOT / "config/datasets.yaml"
    try:
        for name in args.names:
            entry = look_up(load_catalogue(catalogue, "datasets"), name, str(catalogue))
            for path in write(name, entry, load(entry, data_root()), args.out):
                print(f"{path}  {path.stat().st_size / 2**20:.1f} MiB", flush=True)
    except (UserError, SourceUnavailable) as error:
        sys.exit(str(error))
    return 0


if __name__ == "__main__":
    sys.exit(main())
