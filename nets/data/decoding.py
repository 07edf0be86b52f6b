"""From a file to pixels: which files are opened, and one rule for each thing that a file says besides its pixels.

- Orientation (EXIF) is applied, to an image and to its mask.
- Transparency: the image is laid on white. So are fully transparent pixels, whatever colour they hide.
- Of several frames or pages, the first is taken.
- More than 8 bits per channel: grey images are refused, because they rarely use their whole range; of colours, the
  upper 8 bits are taken.
- CMYK and palettes become RGB, colours become grey where one channel is asked for; colour profiles are not applied.

A file's header is checked before anything is decoded: few bytes can stand for many pixels.
"""

import re
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from nets.errors import DataError

FORMATS = ("PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP", "PPM")  # Pillow has more; one of them starts Ghostscript
MASK_FORMATS = ("PNG", "BMP", "TIFF")  # which keep numbers; programs that write GIF renumber its colours
MOST_PIXELS = 64_000_000
LARGE = 1 << 24  # pixels; larger images are decoded one at a time
DEEP_MODES = ("I", "F")  # Pillow's modes with more than 8 bits per channel
ORIENTATION = 0x0112  # the tag in EXIF; 1: upright
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_270, 7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}  # fmt: skip
SIDEWAYS = (5, 6, 7, 8)  # orientations that exchange height and width
STRETCHED = {"L;2": 85, "L;4": 17}  # how Pillow multiplies grey levels of 2 and 4 bits
ONE_LARGE = threading.Lock()

warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)

Changes = set[tuple[str, Path]]  # (what was changed on reading, the file)


def decode(path: Path, shape: tuple[int, int, int], fit: str | int, changes: Changes | None = None) -> np.ndarray:
    """The image in a file as (C, H, W) uint8. What it changes of what the file says, it adds to `changes`.

    `fit` is `exact`; or `crop`, which cuts out the centre and resizes it; or a length, to which the shorter side is
    resized before the centre is cut out. Raises DataError if the file can't be read, is grey with more than 8 bits, is
    too large, or has another size under `exact`.
    """
    _, height, width = shape
    with opened(path, FORMATS, "an image") as image:
        if fit == "exact" and image.size not in ((width, height), (height, width)):
            raise wrong_size(path, image.size, (width, height))
        with ONE_LARGE if image.width * image.height > LARGE else nullcontext():
            said = said_besides(image)
            pixels, more = pixels_of(image, path, shape, fit)
    if changes is not None:
        changes.update((what, path) for what in said + more)
    return pixels


def pixels_of(
    image: Image.Image, path: Path, shape: tuple[int, int, int], fit: str | int
) -> tuple[np.ndarray, list[str]]:
    """An opened image as (C, H, W) uint8, and what was changed; `path` names it in messages. See `decode`."""
    channels, height, width = shape
    if image.mode.startswith(DEEP_MODES):
        raise DataError(f"{path} has more than 8 bits per channel; convert it.")
    ImageOps.exif_transpose(image, in_place=True)  # each copy of a large image counts
    on_white = laid_on_white(image)
    said = ["transparency laid on white"] if on_white is not image else []
    if on_white.mode == "P":
        on_white = on_white.convert("RGBA")
    wanted = "L" if channels == 1 else "RGB"
    pixels = _fitted(path, on_white if on_white.mode == wanted else on_white.convert(wanted), width, height, fit)
    return pixels[None] if channels == 1 else pixels.transpose(2, 0, 1), said


def decode_mask(path: Path, size: tuple[int, int], fit: str, image: Path | None = None) -> np.ndarray:
    """The class numbers in a file as (H, W) uint8; `crop` cuts out the same part as in the image, by nearest pixels.

    With the file of its `image`, both must have the same proportions. Raises DataError if not, or if the mask can't be
    read, does not have one byte or less per pixel, or has another size under `exact`.
    """
    height, width = size
    with opened(path, MASK_FORMATS, "a mask, in PNG, BMP or TIFF") as mask:
        raw = raw_mode(mask)
        if mask.mode not in ("1", "L", "P") or getattr(mask, "is_animated", False) or re.search(r";\d*I", raw):
            raise DataError(
                f"{path} is {mask.mode}, expected class numbers of one byte per pixel, in one frame; convert it to PNG."
            )
        told = orientation(mask) in TURNS
        ImageOps.exif_transpose(mask, in_place=True)
        upright = Image.fromarray(np.asarray(mask).astype(np.uint8) // np.uint8(STRETCHED.get(raw, 1)))
    if image is not None:
        upright = turned_like(image, upright, told, path)
    if fit == "crop":
        upright = ImageOps.fit(upright, (width, height), Image.Resampling.NEAREST)
    elif upright.size != (width, height):
        raise wrong_size(path, upright.size, (width, height))
    return np.asarray(upright)


@contextmanager
def opened(path: Path, formats: tuple[str, ...], what: str) -> Iterator[Image.Image]:
    """Open an image file and read its header. Raises DataError unless it is a plain file, readable and not too large.

    An error of the decoder inside the block becomes a DataError too.
    """
    try:
        if path.exists() and not path.is_file():
            raise DataError(f"{path} is not a plain file; remove it.")
        # Given a path, Pillow 13 maps a TIFF that is turned into memory with its rows in a wrong length.
        with open(path, "rb") as file, Image.open(file, formats=formats) as image:
            if image.width * image.height > MOST_PIXELS:
                raise Image.DecompressionBombError(f"it is {image.width}x{image.height}")
            yield image
    except DataError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:  # Pillow's own limits are wider
        most = MOST_PIXELS // 10**6
        raise DataError(f"{path} has more than {most} million pixels ({error}); make it smaller.") from None
    except FileNotFoundError:
        raise DataError(f"{path} is missing; restore it.") from None
    except Exception as error:  # damaged files raise errors of many types
        raise DataError(f"{path} is not readable as {what} ({error}); replace or delete it.") from error


def raw_mode(image: Image.Image) -> str:
    """How an opened file stores its pixels, such as `L;4` for grey levels of 4 bits; may be empty."""
    arguments = image.tile[0].args if image.tile else ""
    return str(arguments[0] if isinstance(arguments, tuple) and arguments else arguments)


def said_besides(image: Image.Image) -> list[str]:
    """What is dropped or applied of an opened image, besides transparency."""
    largest = image.tile[0].args[-1] if image.format == "PPM" and image.tile else 0
    said = {
        "only the first frame taken": getattr(image, "is_animated", False),
        "reduced from 16 to 8 bits per channel": ";16" in raw_mode(image) or isinstance(largest, int) and largest > 255,
        "converted from CMYK": image.mode == "CMYK",
        "turned as EXIF says": orientation(image) in TURNS,
    }
    return [what for what, applies in said.items() if applies]


def orientation(image: Image.Image) -> int:
    """The orientation in the file's EXIF; 1 if it says nothing."""
    return image.getexif().get(ORIENTATION, 1)


def laid_on_white(image: Image.Image) -> Image.Image:
    """The image on a white ground; the same object if it is opaque."""
    if not image.has_transparency_data:
        return image
    colours = image if image.mode == "RGBA" else image.convert("RGBA")
    opacity = colours.getchannel("A")
    if opacity.getextrema() == (255, 255):
        return image
    ground = Image.new("RGB", image.size, "white")
    ground.paste(colours, mask=opacity)
    return ground


def turned_like(image_path: Path, mask: Image.Image, told: bool, path: Path) -> Image.Image:
    """The mask of an image, upright as the image will be; `told`: the mask's own file said how to turn it.

    A mask without orientation may be of the pixels as stored. Raises DataError if mask and image differ in
    proportions, or if it can't be told how the mask lies.
    """
    with opened(image_path, FORMATS, "an image") as image:
        turned = orientation(image)
        sideways = turned in SIDEWAYS
        upright = image.size[::-1] if sideways and image.format != "TIFF" else image.size  # Pillow turns a TIFF itself
    stored = upright[::-1] if sideways else upright
    if turned in TURNS and not told:
        if alike(stored, upright):
            raise DataError(
                f"{image_path} is turned by EXIF, and its mask {path.name} may be or not; "
                "save both without orientation."
            )
        if alike(mask.size, stored):
            mask = mask.transpose(TURNS[turned])
    if not alike(mask.size, upright):
        raise DataError(
            f"{path} is {mask.width}x{mask.height} pixels, but its image {upright[0]}x{upright[1]}; "
            "make the mask for this image, with the same proportions."
        )
    return mask


def alike(first: tuple[int, int], second: tuple[int, int]) -> bool:
    """Whether two sizes have the same proportions."""
    return first[0] * second[1] == first[1] * second[0]


def wrong_size(path: Path, size: tuple[int, int], wanted: tuple[int, int]) -> DataError:
    """The error for an image of another size than the entry's shape."""
    (width, height), (right, down) = size, wanted
    return DataError(f"{path} is {width}x{height} pixels, expected {right}x{down}; resize it, or set `fit: crop`.")


def _fitted(path: Path, image: Image.Image, width: int, height: int, fit: str | int) -> np.ndarray:
    """The pixels of an image, brought to a size as `fit` says."""
    if fit == "crop":
        image = ImageOps.fit(image, (width, height), Image.Resampling.BICUBIC)
    elif isinstance(fit, int):
        image = _resize_and_cut(image, fit, width, height)
    elif image.size != (width, height):
        raise wrong_size(path, image.size, (width, height))
    return np.asarray(image)


def _resize_and_cut(image: Image.Image, shorter: int, width: int, height: int) -> Image.Image:
    """Bilinear `Resize(shorter)`, then `CenterCrop`, like torchvision's presets for ImageNet."""
    size = [shorter if side == min(image.size) else int(shorter * side / min(image.size)) for side in image.size]
    if size[0] * size[1] > MOST_PIXELS:
        raise Image.DecompressionBombError(f"it would be {size[0]}x{size[1]} before it is cut")
    image = image.resize(size, Image.Resampling.BILINEAR)
    left, top = round((size[0] - width) / 2), round((size[1] - height) / 2)
    return image.crop((left, top, left + width, top + height))
