"""Images with a class for every pixel: folders of images and masks, and the Oxford-IIIT pets."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from nets.data.decoding import Changes, decode, decode_mask
from nets.data.entries import number_of
from nets.data.folders import PARTS, digest, parts_of, verified_digest
from nets.data.listing import Listing, is_folder
from nets.data.loaded import Loaded, Part, chunk_length
from nets.errors import DataError, SourceUnavailable
from nets.files import read_text
from nets.trust import check_name

Pairs = list[tuple[Path, Path]]  # (image, mask)


def read_mask_folder(entry: dict, source: dict, root: Path) -> Loaded:
    """`<folder>/train|val|test/{images,masks}`: masks hold class numbers and have their images' names.

    Without `val`, the validation images are taken from `train`.
    """
    folder = root / source["folder"]
    if not (is_folder(folder) and is_folder(folder / "train") and is_folder(folder / "train/images")):
        raise SourceUnavailable(f"put train|val|test/{{images,masks}} under {folder}")
    listing = Listing(folder)
    there = parts_of(listing, folder)
    train, val, test = (_pairs(listing, folder / part) if part in there else [] for part in PARTS)
    if not test:
        raise DataError(f"{folder} is incomplete: it has train but no test/images; add them.")
    actual = verified_digest(source, folder, [path for pair in train + val + test for path in pair], "files")
    shape, fit = tuple(entry["shape"]), source.get("fit", "exact")
    changes: Changes = set()
    return Loaded(
        _part(train + val, shape, fit, 0, changes),
        _part(test, shape, fit, 0, changes),
        "mask_folder",
        str(folder),
        canonical=False,
        sha256={folder.name: actual},
        validation=len(val) or None,
        passed_by=listing.account(),
        changes=changes,
    )


def read_oxford_pet(entry: dict, source: dict, root: Path) -> Loaded:
    """The pets in torchvision's layout. Trimaps count classes from 1: pet, background, border."""
    folder = root / source["folder"]
    lists = [folder / "annotations" / name for name in ("trainval.txt", "test.txt")]
    if not all(path.exists() for path in lists):
        raise SourceUnavailable(f"put images.tar.gz and annotations.tar.gz, unpacked, into {folder}")
    listing = Listing(folder)
    changes: Changes = set()
    parts, files = [], list(lists)
    for names in map(_names, lists):
        names = [check_name(name, "An image in the lists of annotations") for name in names]
        pairs = [(folder / f"images/{name}.jpg", folder / f"annotations/trimaps/{name}.png") for name in names]
        parts.append(_part(pairs, tuple(entry["shape"]), "crop", 1, changes))
        files += [path for pair in pairs for path in pair]
    learning, test = parts
    missing = next((path for path in files if not path.exists()), None)
    if missing:
        raise DataError(f"{folder} is incomplete: {missing} is missing; unpack it again.")
    known = set(files)
    for path in listing.images(folder / "images"):
        if path not in known:
            listing.pass_by(path, "in neither list")
    sha256 = {folder.name: digest(folder, files)}
    account = listing.account()
    return Loaded(learning, test, "oxford_pet", str(folder), False, sha256, passed_by=account, changes=changes)


def _names(path: Path) -> list[str]:
    """The first word of each line of a list of images."""
    return [line.split()[0] for line in read_text(path, "list of images").splitlines() if line.strip()]


def checked(entry: dict, part: Part) -> Iterator[np.ndarray]:
    """Yield the part's masks. Raises DataError unless they hold only the entry's classes and void."""
    if part.masks is None:
        raise DataError(f"{entry['title']}: the source has no masks; leave `masks` out, or name another source.")
    classes, void = number_of(entry["classes"]), entry["masks"]["void"]
    for chunk in part.masks():
        strange = [int(value) for value in np.unique(chunk) if value >= classes and value != void]
        if strange:
            raise DataError(
                f"{entry['title']}: a mask holds {strange[0]}, which is neither a class (0..{classes - 1}) nor void."
            )
        yield chunk


def _pairs(listing: Listing, folder: Path) -> Pairs:
    """The images of a part, with the masks of the same names."""
    there = listing.folders(folder, "is neither in images nor in masks")
    for name in there.keys() - {"images", "masks"}:
        listing.leave(there[name], "in another folder than images and masks")
    images, masks = (
        _by_stem(folder / name, listing.images(folder / name) if name in there else []) for name in ("images", "masks")
    )
    missing = next((stem for stem in images if stem not in masks), None)
    if missing is not None:
        path = folder / "masks" / f"{missing}.png"
        raise DataError(f"{path} is missing: every image needs a mask; add it, or remove its image.")
    for stem in masks.keys() - images.keys():
        listing.pass_by(masks[stem], "mask without an image")
    return [(path, masks[stem]) for stem, path in images.items()]


def _by_stem(folder: Path, paths: list[Path]) -> dict[str, Path]:
    """Files by their path in a folder without the suffix. Raises DataError if two share one."""
    found: dict[str, Path] = {}
    for path in paths:
        stem = path.relative_to(folder).with_suffix("").as_posix()
        if stem in found:
            raise DataError(f"{found[stem]} and {path.name} would share a mask or an image; rename one of them.")
        found[stem] = path
    return found


def _part(pairs: Pairs, shape: tuple[int, int, int], fit: str, first: int, changes: Changes) -> Part:
    """A part read from files; the class numbers in its masks start at `first`."""
    _, height, width = shape
    step = chunk_length(shape)

    def image(pair: tuple[Path, Path]) -> np.ndarray:
        return decode(pair[0], shape, fit, changes)

    def mask(pair: tuple[Path, Path]) -> np.ndarray:
        return decode_mask(pair[1], (height, width), fit, pair[0]) - np.uint8(first)

    def chunks(read: Callable[[tuple[Path, Path]], np.ndarray]) -> Iterator[np.ndarray]:
        return (np.stack([read(pair) for pair in pairs[i : i + step]]) for i in range(0, len(pairs), step))

    return Part(np.full(len(pairs), -1, np.int64), lambda: chunks(image), lambda: chunks(mask))
