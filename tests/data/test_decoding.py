"""What a file says besides its pixels, by one rule each; and files that are bombs."""

import os
import resource
import struct
import subprocess
import sys
import zlib

import numpy as np
import pytest
from PIL import Image

from nets.data.decoding import decode, decode_mask
from nets.errors import DataError

ORIENTATION = 0x0112
SQUARE = (3, 8, 8)


def icon(ground: int, ink: int) -> Image.Image:
    """An icon of one brightness, whose shape is in its transparency only."""
    pixels = np.full((8, 8, 4), ink, np.uint8)
    pixels[..., 3] = 0
    pixels[2:6, 2:6, 3] = 255
    pixels[pixels[..., 3] == 0, :3] = ground
    return Image.fromarray(pixels)


def png(width: int, height: int, bits: int, colour: int, rows: bytes) -> bytes:
    """A PNG by hand; `colour`: 0 grey, 2 RGB, 6 RGBA."""
    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    written = [struct.pack(">I", len(c)) + kind + c + struct.pack(">I", zlib.crc32(kind + c)) for kind, c in chunks]
    return b"\x89PNG\r\n\x1a\n" + b"".join(written)


@pytest.mark.parametrize("suffix", ["png", "webp", "tif", "gif"])
@pytest.mark.parametrize("channels", [1, 3])
def test_transparency_is_laid_on_white(root, suffix, channels):
    path = root / f"a.{suffix}"
    icon(0, 0).save(path, **({"lossless": True} if suffix == "webp" else {}))
    changes = set()
    image = decode(path, (channels, 8, 8), "exact", changes)
    assert (image[:, 2:6, 2:6] == 0).all() and (image[:, :2] == 255).all()
    assert changes == {("transparency laid on white", path)}


@pytest.mark.parametrize("mode", ["LA", "P"])
def test_transparency_of_other_modes(root, mode):
    icon(0, 0).convert("LA").save(root / "a.png") if mode == "LA" else icon(0, 0).quantize(4).save(root / "a.png")
    with Image.open(root / "a.png") as file:
        assert file.mode == mode
    image = decode(root / "a.png", SQUARE, "exact")
    assert (image[:, 2:6, 2:6] == 0).all() and (image[:, :2] == 255).all()


def test_a_colour_that_stands_for_transparency(root):
    pixels = np.zeros((8, 8, 3), np.uint8)
    pixels[2:6, 2:6] = 9
    Image.fromarray(pixels).save(root / "a.png", transparency=(0, 0, 0))
    image = decode(root / "a.png", SQUARE, "exact")
    assert (image[:, 2:6, 2:6] == 9).all() and (image[:, :2] == 255).all()


def test_half_transparent_pixels_are_mixed_with_white(root):
    Image.new("RGBA", (8, 8), (0, 100, 200, 51)).save(root / "a.png")  # a fifth
    assert decode(root / "a.png", SQUARE, "exact")[:, 0, 0].tolist() == [204, 224, 244]


def test_an_opaque_alpha_channel_changes_nothing(root):
    pixels = np.random.RandomState(0).randint(0, 256, (8, 8, 4), np.uint8)
    pixels[..., 3] = 255
    Image.fromarray(pixels).save(root / "a.png")
    changes = set()
    np.testing.assert_array_equal(decode(root / "a.png", SQUARE, "exact", changes), pixels[..., :3].transpose(2, 0, 1))
    assert changes == set()


def test_other_things_that_a_file_says_are_told(root):
    frames = [Image.new("L", (8, 8), grey) for grey in (10, 200)]
    frames[0].save(root / "a.gif", save_all=True, append_images=frames[1:])
    frames[0].save(root / "a.tif", save_all=True, append_images=frames[1:])
    Image.new("CMYK", (8, 8), (0, 0, 0, 255)).save(root / "a.jpg")
    (root / "deep.ppm").write_bytes(b"P6 8 8 65535\n" + bytes([128, 7]) * 192)
    changes = set()
    for name in ("a.gif", "a.tif"):
        assert (decode(root / name, (1, 8, 8), "exact", changes) == 10).all()
    assert (decode(root / "a.jpg", SQUARE, "exact", changes) < 5).all()
    assert (decode(root / "deep.ppm", SQUARE, "exact", changes) == 128).all()
    assert {(what, path.name) for what, path in changes} == {
        ("only the first frame taken", "a.gif"),
        ("only the first frame taken", "a.tif"),
        ("converted from CMYK", "a.jpg"),
        ("reduced from 16 to 8 bits per channel", "deep.ppm"),
    }


def test_colours_of_16_bits_keep_their_upper_half(root):
    rows = b"".join(b"\0" + bytes([200, 3, 100, 5, 50, 7]) * 8 for _ in range(8))
    (root / "a.png").write_bytes(png(8, 8, 16, 2, rows))
    changes = set()
    assert decode(root / "a.png", SQUARE, "exact", changes)[:, 3, 3].tolist() == [200, 100, 50]
    assert [what for what, _ in changes] == ["reduced from 16 to 8 bits per channel"]


def quarters(turn: int = 1, size: tuple[int, int] = (12, 8)) -> tuple[np.ndarray, Image.Exif]:
    """An upright mask of four quarters as a camera stores it with an orientation, and the EXIF that says so."""
    width, height = size
    upright = np.zeros((height, width), np.uint8)
    upright[: height // 2, : width // 2], upright[height // 2 :, width // 3 :] = 1, 2
    undo = {1: lambda x: x, 3: lambda x: x[::-1, ::-1], 6: np.rot90, 8: lambda x: np.rot90(x, -1)}
    exif = Image.Exif()
    exif[ORIENTATION] = turn
    return np.ascontiguousarray(undo[turn](upright)), exif


@pytest.mark.parametrize("turn", [3, 6, 8])
@pytest.mark.parametrize("told", ["both", "image", "neither"])
@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_a_mask_is_turned_with_its_image(root, turn, told, suffix):
    """`told`: which files carry the orientation; a mask without it is of the pixels as stored."""
    stored, exif = quarters(turn)
    picture, mask = root / f"a.{suffix}", root / f"mask.{suffix}"
    Image.fromarray(100 * stored).save(picture, **({"exif": exif} if told != "neither" else {}))
    Image.fromarray(stored).save(mask, **({"exif": exif} if told == "both" else {}))
    shape = (8, 12) if told != "neither" else stored.shape
    if told == "image" and turn == 3:
        with pytest.raises(DataError, match=f"is turned by EXIF, and its mask {mask.name} may be or not"):
            decode_mask(mask, shape, "exact", picture)
        return
    image = decode(picture, (1, *shape), "exact")[0]
    np.testing.assert_array_equal(100 * decode_mask(mask, shape, "exact", picture), image)
    assert told == "neither" or (image == 100 * quarters()[0]).all()


def test_a_mask_of_the_upright_image_stays(root):
    stored, exif = quarters(6)
    Image.fromarray(100 * stored).save(root / "a.png", exif=exif)
    Image.fromarray(quarters()[0]).save(root / "mask.png")
    np.testing.assert_array_equal(decode_mask(root / "mask.png", (8, 12), "exact", root / "a.png"), quarters()[0])


def test_a_square_mask_of_a_turned_image_is_refused(root):
    stored, exif = quarters(6, (8, 8))
    Image.fromarray(100 * stored).save(root / "a.png", exif=exif)
    Image.fromarray(stored).save(root / "mask.png")
    with pytest.raises(DataError, match="save both without orientation"):
        decode_mask(root / "mask.png", (8, 8), "exact", root / "a.png")


@pytest.mark.parametrize("size", [(24, 8), (8, 12), (12, 9)])
def test_a_mask_of_other_proportions_than_its_image(root, size):
    Image.new("L", (12, 8)).save(root / "a.png")
    Image.new("L", size).save(root / "mask.png")
    with pytest.raises(DataError, match=f"mask.png is {size[0]}x{size[1]} pixels, but its image 12x8"):
        decode_mask(root / "mask.png", (4, 4), "crop", root / "a.png")
    Image.new("L", (6, 4)).save(root / "half.png")
    assert decode_mask(root / "half.png", (4, 4), "crop", root / "a.png").shape == (4, 4)


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_numbers_of_few_bits_are_not_stretched(root, bits):
    numbers = np.arange(2**bits, dtype=np.uint8).repeat(8).reshape(-1, 8)
    rows = b"".join(b"\0" + np.packbits(np.unpackbits(row[:, None], axis=1)[:, -bits:]).tobytes() for row in numbers)
    (root / "mask.png").write_bytes(png(8, len(numbers), bits, 0, rows))
    np.testing.assert_array_equal(decode_mask(root / "mask.png", numbers.shape, "exact"), numbers)


def test_masks_are_in_formats_that_keep_numbers(root):
    for format in ("JPEG", "GIF", "WEBP", "PPM"):
        Image.new("L", (8, 8), 3).save(root / "mask.png", format=format)
        with pytest.raises(DataError, match="mask.png is not readable as a mask, in PNG, BMP or TIFF"):
            decode_mask(root / "mask.png", (8, 8), "exact")
    for suffix in ("png", "bmp", "tif"):
        Image.new("L", (8, 8), 3).save(root / f"mask.{suffix}")
        assert (decode_mask(root / f"mask.{suffix}", (8, 8), "exact") == 3).all()


@pytest.mark.parametrize("side", [9_000, 13_000])  # below and above the limits of Pillow
def test_the_header_is_checked_before_pixels_are_read(root, side):
    (root / "large.png").write_bytes(png(side, side, 8, 6, bytes(1000)))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(DataError, match="large.png has more than 64 million pixels"):
        decode(root / "large.png", SQUARE, "exact")
    with pytest.raises(DataError, match="large.png has more than 64 million pixels"):
        decode_mask(root / "large.png", (8, 8), "crop")
    (root / "other.png").write_bytes(png(6_000, 6_000, 8, 6, bytes(1000)))
    with pytest.raises(DataError, match="other.png is 6000x6000 pixels, expected 8x8"):
        decode(root / "other.png", SQUARE, "exact")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000, "kilobytes"


def test_a_thin_image_is_not_blown_up(root):
    Image.new("L", (1, 60_000)).save(root / "thin.png")
    with pytest.raises(DataError, match="thin.png has more than 64 million pixels"):
        decode(root / "thin.png", SQUARE, 256)


def test_a_program_is_no_image(root):
    (root / "a.png").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n%%EndComments\nshowpage\n")
    code = "import sys; from pathlib import Path; from nets.data.decoding import decode; import subprocess\n"
    code += "subprocess.Popen = subprocess.check_call = None\ndecode(Path(sys.argv[1]), (3, 8, 8), 'exact')"
    done = subprocess.run([sys.executable, "-c", code, str(root / "a.png")], capture_output=True, text=True)
    assert "a.png is not readable as an image (cannot identify image file" in done.stderr


def test_a_pipe_is_no_image(root):
    os.mkfifo(root / "a.png")
    for read in (lambda: decode(root / "a.png", SQUARE, "exact"), lambda: decode_mask(root / "a.png", (8, 8), "exact")):
        with pytest.raises(DataError, match="a.png is not a plain file"):
            read()


@pytest.mark.parametrize("suffix", ["png", "jpg", "bmp", "gif", "tif", "webp"])
def test_a_truncated_image_is_named(root, suffix):
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    path = root / f"a.{suffix}"
    Image.fromarray(noise).save(path)
    content = path.read_bytes()
    for length in (0, 3, len(content) // 2):
        path.write_bytes(content[:length])
        with pytest.raises(DataError, match=f"a.{suffix} is not readable as an image .*; replace or delete it"):
            decode(path, (3, 64, 64), "exact")


@pytest.mark.parametrize("size", [(17, 23), (1, 1), (1, 9), (200, 7), (8, 8)])
def test_images_of_odd_sizes_are_cut_to_the_shape_or_refused(root, size):
    Image.new("RGB", size, (10, 20, 30)).save(root / "a.png")
    cut = decode(root / "a.png", (3, 8, 8), "crop")
    assert cut.shape == (3, 8, 8) and (cut == np.array([10, 20, 30])[:, None, None]).all()
    assert decode(root / "a.png", (3, 8, 8), 8).shape == (3, 8, 8)
    if size != (8, 8):
        with pytest.raises(DataError, match=f"a.png is {size[0]}x{size[1]} pixels, expected 8x8; resize it, or set"):
            decode(root / "a.png", (3, 8, 8), "exact")
