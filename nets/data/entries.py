"""Checks of `config/datasets.yaml` that a schema can't express; `nets.suite.catalogues` checks the schema."""

import ast
import importlib.util
import unicodedata
from functools import cache
from pathlib import Path

from nets.errors import DataError, suggest

DISTORTIONS = ("shift", "scale", "squeeze", "shear")  # the keys of `augment` that make one random affine map
MOST_DEGREES = 20  # of polynomials
MOST_GENERATED = 2**30  # pixels
MOST_MASK_CLASSES = 256  # a byte per pixel
DOWNLOADED = (
    "MNIST",
    "FashionMNIST",
    "CIFAR10",
    "CIFAR100",
    "OxfordIIITPet",
)  # of torchvision: read by our own readers
UNREAD = {  # classes of torchvision that are no such data set, or unpickle files that nobody has verified
    **dict.fromkeys(("LSUN", "LSUNClass", "PhotoTour", "ImageNet"), "unpickles files"),
    **dict.fromkeys(("ImageFolder", "DatasetFolder"), "is a folder: use the kind image_folder"),
    **dict.fromkeys(("VisionDataset", "wrap_dataset_for_transforms_v2"), "is no data set"),
}


def number_of(classes: list[str] | int | None) -> int:
    """The number of classes of an entry, which names them, gives their number, or has None (0)."""
    return classes if isinstance(classes, int) else len(classes or ())


def folder_of(name: str) -> str:
    """The folder of a class in folders of images: T-shirt_top for T-shirt/top.

    In one form of Unicode, because systems store an é in different ways.
    """
    return unicodedata.normalize("NFC", name.replace("/", "_"))


def check_classes(where: str, classes: list[str]) -> None:
    """Raise DataError if two classes have one name, or would share one folder."""
    seen: dict[str, str] = {}  # the class of each folder
    for name in classes:
        folder = folder_of(name)
        if folder in seen:
            what = "appears twice" if seen[folder] == name else f"has the same folder as {seen[folder]!r}, {folder}"
            raise DataError(f"{where}: the class {name!r} {what}; rename one of them.")
        seen[folder] = name


def check_entries(catalogue: dict, where: str) -> None:
    """Raise DataError for the first mistake in an entry; `where` names the catalogue."""
    for name, entry in catalogue.items():
        for key in ("classes", "source_classes"):
            if isinstance(entry.get(key), list):
                check_classes(f"{where}: {name} / {key}", entry[key])
        if "validation" not in entry["splits"] and entry["mean"] is None:
            raise DataError(f"{where}: {name}: without training images nothing is measured; give mean and std.")
        if (entry["mean"] is None) != (entry["std"] is None):
            raise DataError(f"{where}: {name}: give both mean and std, or null for both to measure them.")
        for key in ("mean", "std"):
            if entry[key] is not None and len(entry[key]) != entry["shape"][0]:
                raise DataError(f"{where}: {name} / {key}: expected one number per channel ({entry['shape'][0]}).")
        shares = [share for key, share in entry["splits"].items() if key != "seed" and share < 1]
        if sum(shares) >= 1:
            raise DataError(
                f"{where}: {name} / splits: fractions with the sum {sum(shares):g} leave nothing to train on."
            )
        if "source_classes" in entry and not isinstance(entry["classes"], list):
            raise DataError(f"{where}: {name}: source_classes requires the names of the classes.")
        strange = sorted(set(entry["classes"]) - set(entry["source_classes"])) if "source_classes" in entry else []
        if strange:
            raise DataError(f"{where}: {name} / classes: {strange[0]} is not one of source_classes.")
        if "masks" in entry and number_of(entry["classes"]) > MOST_MASK_CLASSES:
            raise DataError(f"{where}: {name} / classes: a mask tells at most {MOST_MASK_CLASSES} classes apart.")
        for source in entry["sources"]:
            pixels = source.get("count", 0) * entry["shape"][1] * entry["shape"][2]
            if pixels > MOST_GENERATED:
                raise DataError(
                    f"{where}: {name} / count: {source['count']:,} images of this shape have {pixels:,} pixels, and at "
                    f"most {MOST_GENERATED:,} are generated; lower it."
                )
            known = entry.get("source_classes", entry["classes"])
            if source["kind"] == "polynomials" and not (isinstance(known, list) and len(known) <= MOST_DEGREES):
                raise DataError(f"{where}: {name} / classes: name the degrees from 1 to at most {MOST_DEGREES}.")
            if source["kind"] == "torchvision":
                check_torchvision(f"{where}: {name}", source)
            if source["kind"] == "digit_scenes":
                check_scenes(f"{where}: {name}", entry["shape"], source)


def check_torchvision(where: str, source: dict) -> None:
    """Raise DataError if torchvision has no data set of this class, or one that is not read; imports no torchvision."""
    name, known = source["class"], torchvision_classes()
    if name in UNREAD:
        raise DataError(f"{where}: torchvision's {name} {UNREAD[name]}; name another class, or another kind of source.")
    if known and name not in known:
        raise DataError(f"{where}: torchvision has no data set {name!r}; {suggest(name, known - UNREAD.keys())}")
    if name in DOWNLOADED and source.keys() - {"kind", "class"}:
        raise DataError(
            f"{where}: torchvision's {name} is only downloaded, and read by the other sources of its entry; write "
            "`class` alone, and copy these sources from config/datasets.yaml."
        )


@cache
def torchvision_classes() -> frozenset[str]:
    """The names in `torchvision.datasets`, from its source; empty if it is not installed."""
    spec = importlib.util.find_spec("torchvision")
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        tree = ast.parse(Path(folder, "datasets/__init__.py").read_text(encoding="utf-8"))
        for node in tree.body:
            if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "__all__":
                return frozenset(ast.literal_eval(node.value))
    return frozenset()


def check_scenes(where: str, shape: list[int], source: dict) -> None:
    """Raise DataError if scenes of this shape can't hold the digits that the source puts into them."""
    for key in ("digits", "sizes"):
        if source[key][0] > source[key][1]:
            raise DataError(f"{where} / {key}: expected [least, most], not {source[key]}.")
    if shape[0] != 1:
        raise DataError(f"{where} / shape: digit scenes are grey, so the first number must be 1, not {shape[0]}.")
    largest = source["sizes"][1]
    if largest > min(shape[1:]):
        size = f"{shape[1]}x{shape[2]}"
        raise DataError(f"{where} / sizes: a digit of {largest} pixels does not fit into a scene of {size}.")
