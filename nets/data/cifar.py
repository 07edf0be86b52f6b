"""The canonical Python batches of CIFAR-10 and CIFAR-100, from the extracted folder or the archive.

Batches are pickles, so nothing is unpickled before its hash is verified. The archive is compared with the catalogue's
SHA-256, the files of an extracted folder with torchvision's MD5s.
"""

import pickle
import tarfile
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from nets.data.loaded import Loaded, Part
from nets.errors import DataError, SourceUnavailable
from nets.files import sha256, verify


def read(entry: dict, source: dict, root: Path) -> Loaded:
    """CIFAR from `root/folder`, or from `root/archive`."""
    folder, archive = root / source["folder"], root / source["archive"]
    if folder.is_dir():
        location, contents, hashes = folder, *_from_folder(source, folder)
    elif archive.is_file():
        location, contents, hashes = archive, *_from_archive(source, archive)
    else:
        raise SourceUnavailable(f"put the folder {folder.name} or {archive.name} into {folder.parent}")
    kind = _torchvision_class(source)
    learning = _part(location, [contents[name] for name, _ in kind.train_list])
    test = _part(location, [contents[name] for name, _ in kind.test_list])
    return Loaded(learning, test, "cifar_batches", str(location), canonical=True, sha256=hashes)


def _torchvision_class(source: dict) -> type[Any]:
    from torchvision import datasets

    return getattr(datasets, source["class"])


def _from_folder(source: dict, folder: Path) -> tuple[dict[str, bytes], dict[str, str]]:
    from torchvision.datasets.utils import check_integrity

    kind = _torchvision_class(source)
    contents = {}
    for name, md5 in kind.train_list + kind.test_list:
        path = folder / name
        if not path.is_file():
            raise DataError(f"{folder} is incomplete: {name} is missing; extract {kind.filename} again.")
        if not check_integrity(path, md5):
            raise DataError(f"{path} is damaged: its MD5 is not {md5}; extract {kind.filename} again.")
        contents[name] = path.read_bytes()
    hashes = {name: sha256(content) for name, content in contents.items()}
    return contents, hashes


def _from_archive(source: dict, archive: Path) -> tuple[dict[str, bytes], dict[str, str]]:
    verify(archive, source["sha256"], "fetch it again or delete it")
    kind = _torchvision_class(source)
    contents = {}
    with tarfile.open(archive) as tar:
        for name, _ in kind.train_list + kind.test_list:
            member = tar.extractfile(f"{source['folder']}/{name}")
            assert member is not None, f"{name} is a file in the archive of this SHA-256"
            contents[name] = member.read()
    return contents, {archive.name: source["sha256"]}


def _part(location: Path, batches: list[bytes]) -> Part:
    """One part from its verified batches (n, 3072) uint8, one channel after another."""
    images, labels = [], []
    for content in batches:
        with warnings.catch_warnings():  # Python 2 wrote a type in a form that numpy deprecates
            warnings.simplefilter("ignore")
            batch = pickle.loads(content, encoding="latin1")
        images.append(batch["data"])
        labels.extend(batch["labels"] if "labels" in batch else batch["fine_labels"])
    pixels = np.concatenate(images).reshape(-1, 3, 32, 32)
    if len(pixels) != len(labels):
        raise DataError(f"{location} is inconsistent: {len(pixels)} images, {len(labels)} labels.")
    return Part.of(pixels, np.array(labels))
