"""Images with a class for every pixel: folders of images and masks, and the Oxford-IIIT pets."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from nets.data.entries import number_of
from nets.data.folders import decode, digest, images_in
from nets.data.loaded import Loaded, Part, chunk_length
from nets.errors import DataError, SourceUnavailable

Pairs = list[tuple[Path, Path]]  # (image, mask)


def read_mask_folder(entry: dict, source: dict, root: Path) -> Loaded:
    """`<folder>/train|val|test/{images,masks}`: masks are PNGs of class numbers with their images' names.

    Without `val`, the validation images are taken from `train`.
    """
    folder = root / source["folder"]
    if not (folder / "train" / "images").is_dir():
        raise SourceUnavailable(f"put train|val|test/{{images,masks}} under {folder}")
    train, val, test = (_pairs(folder / part) for part in ("train", "val", "test"))
    files = [path for pair in train + val + test for path in pair]
    actual = digest(folder, files)
    if source.get("sha256", actual) != actual:
        raise DataError(
            f"{folder} has changed: the SHA-256 of its {len(files)} files is {actual}, expected {source['sha256']}; "
            "restore it, or correct sha256 in the catalogue."
        )
    shape, fit = tuple(entry["shape"]), source.get("fit", "exact")
    return Loaded(
        _part(train + val, shape, fit, first=0),
        _part(test, shape, fit, first=0),
        "mask_folder",
        str(folder),
        canonical=False,
        sha256={folder.name: actual},
        validation=len(val) or None,
    )


def read_oxford_pet(entry: dict, source: dict, root: Path) -> Loaded:
    """The pets in torchvision's layout. Trimaps count classes from 1: pet, background, border."""
    folder = root / source["folder"]
    lists = [folder / "annotations" / name for name in ("trainval.txt", "test.txt")]
    if not lists[0].is_file():
        raise SourceUnavailable(f"put images.tar.gz and annotations.tar.gz, unpacked, into {folder}")
    parts, files = [], list(lists)
    for names in ([line.split()[0] for line in path.read_text(encoding="utf-8").splitlines()] for path in lists):
        pairs = [(folder / f"images/{name}.jpg", folder / f"annotations/trimaps/{name}.png") for name in names]
        parts.append(_part(pairs, tuple(entry["shape"]), "crop", first=1))
        files += [path for pair in pairs for path in pair]
    learning, test = parts
    try:
        sha256 = {folder.name: digest(folder, files)}
    except FileNotFoundError as error:
        raise DataError(f"{folder} is incomplete: {error.filename} is missing; unpack it again.") from None
    return Loaded(learning, test, "oxford_pet", str(folder), canonical=False, sha256=sha256)


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


def _pairs(folder: Path) -> Pairs:
    """The images of a part, with the masks of the same names."""
    images = images_in(folder / "images", "*")
    masks = [folder / "masks" / f"{path.stem}.png" for path in images]
    missing = next((path for path in masks if not path.is_file()), None)
    if missing:
        raise DataError(f"{missing} is missing: every image needs a mask; add it, or remove its image.")
    return list(zip(images, masks, strict=True))


def _part(pairs: Pairs, shape: tuple[int, int, int], fit: str, first: int) -> Part:
    """A part read from files; the class numbers in its masks start at `first`."""
    _, height, width = shape
    step = chunk_length(shape)

    def image(path: Path) -> np.ndarray:
        return decode(path, shape, fit)

    def mask(path: Path) -> np.ndarray:
        return decode_mask(path, (height, width), fit) - np.uint8(first)

    def chunks(read: Callable[[Path], np.ndarray], paths: list[Path]) -> Iterator[np.ndarray]:
        return (np.stack([read(path) for path in paths[i : i + step]]) for i in range(0, len(paths), step))

    return Part(
        np.full(len(pairs), -1, np.int64),
        lambda: chunks(image, [path for path, _ in pairs]),
        lambda: chunks(mask, [path for _, path in pairs]),
    )


def decode_mask(path: Path, size: tuple[int, int], fit: str) -> np.ndarray:
    """The class numbers in a file as (H, W) uint8; `crop` cuts out the same part as in the image, by nearest pixels.

    Raises DataError if the file can't be read, does not have one byte per pixel, or has another size under `exact`.
    """
    height, width = size
    try:
        with Image.open(path) as mask:
            mask.load()
    except (OSError, SyntaxError, ValueError) as error:
        raise DataError(f"{path} is not readable as a mask ({error}); replace it.") from error
    if mask.mode not in ("L", "P"):
        raise DataError(f"{path} is {mask.mode}, expected class numbers of one byte per pixel; convert it.")
    if fit == "crop":
        mask = ImageOps.fit(mask, (width, height), Image.Resampling.NEAREST)
    elif mask.size != (width, height):
        actual = "{}x{}".format(*mask.size)
        raise DataError(f"{path} is {actual} pixels, expected {width}x{height}; resize it, or set `fit: crop`.")
    return np.asarray(mask)
