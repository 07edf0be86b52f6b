"""Grids and animations of images, each pixel enlarged so that digits of 28 by 28 can be seen."""

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

GAP = 3
STILL, MOVING = 96, 64  # pixels that an image of a grid, and of an animation, gets at most
FRAMES, SHOWN = 16, 16  # of an animation at most
LINE = 15  # height of a line of words below an image
CAPTION = 26  # height of an animation's caption
GREY = (124, 132, 146)  # reads on white and on black


def over(first: np.ndarray, second: np.ndarray, columns: int = 8) -> np.ndarray:
    """Two lists of images (n, C, H, W) in alternating rows of a grid, the first above the second."""
    rows = []
    for start in range(0, len(first), columns):
        rows += [first[start : start + columns], second[start : start + columns]]
    return np.concatenate(rows)


def grid(images: np.ndarray, columns: int, size: int = STILL) -> np.ndarray:
    """Images (n, C, H, W) uint8 side by side with transparent gaps: (height, width, 4) uint8."""
    count, channels, height, width = images.shape
    scale = max(1, size // max(height, width))
    rows = -(-count // columns)
    pixels = images.transpose(0, 2, 3, 1).repeat(scale, axis=1).repeat(scale, axis=2)
    pixels = pixels.repeat(3, axis=3) if channels == 1 else pixels[..., :3]
    height, width = height * scale, width * scale
    canvas = np.zeros((rows * (height + GAP) - GAP, columns * (width + GAP) - GAP, 4), np.uint8)
    for index in range(count):
        top, left = index // columns * (height + GAP), index % columns * (width + GAP)
        canvas[top : top + height, left : left + width, :3] = pixels[index]
        canvas[top : top + height, left : left + width, 3] = 255
    return canvas


def samples(images: np.ndarray) -> np.ndarray:
    """A square grid of many small images, or eight large ones in a row."""
    many = len(images) > 100
    return grid(images, columns=16 if many else 8, size=MOVING if many else STILL)


def captioned(images: np.ndarray, lines: list[list[str]], columns: int, size: int = STILL) -> np.ndarray:
    """Images (n, C, H, W) uint8 side by side, each with its lines of words below: (height, width, 4) uint8."""
    cells = [grid(image[None], columns=1, size=size) for image in images]
    height, width = cells[0].shape[0] + LINE * len(lines[0]) + GAP, max(size, cells[0].shape[1]) + 4 * GAP
    canvas = Image.new("RGBA", (columns * width, -(-len(cells) // columns) * height))
    pen, font = ImageDraw.Draw(canvas), ImageFont.load_default(12)
    for index, (cell, words) in enumerate(zip(cells, lines, strict=True)):
        left, top = index % columns * width, index // columns * height
        canvas.paste(Image.fromarray(cell), (left, top))
        for row, line in enumerate(words):
            while pen.textlength(line, font) > width - GAP:
                line = line[:-2] + "…"
            pen.text((left, top + cell.shape[0] + LINE * row), line, fill=(*GREY, 255), font=font)
    return np.array(canvas)


def save(canvas: np.ndarray, path: Path) -> None:
    """Write a grid as PNG; grey ones take half the space."""
    grey = (canvas[..., 0] == canvas[..., 1]).all() and (canvas[..., 1] == canvas[..., 2]).all()
    image = Image.fromarray(canvas)
    (image.convert("LA") if grey else image).save(path)


def evolution(images: np.ndarray, epochs: np.ndarray, path: Path) -> None:
    """An animated GIF of snapshots (F, n, C, H, W), each with its epoch and how far training has come."""
    chosen = np.unique(np.linspace(0, len(epochs) - 1, min(FRAMES, len(epochs))).round().astype(int))
    colours = 16 if images.shape[2] == 1 else 64
    frames = [frame(images[i, :SHOWN], int(epochs[i]), int(epochs[-1]), colours) for i in chosen]
    times = [220] * (len(frames) - 1) + [2000]
    frames[0].save(
        path, save_all=True, append_images=frames[1:], duration=times, loop=0, disposal=2, optimize=False,
        transparency=255,
    )  # fmt: skip


def frame(images: np.ndarray, epoch: int, last: int, colours: int) -> Image.Image:
    """One picture of an animation, with a palette whose colour 255 is transparent."""
    canvas = grid(images, columns=8, size=MOVING)
    height, width, _ = canvas.shape
    picture = Image.new("RGB", (width, height + CAPTION))
    picture.paste(Image.fromarray(np.ascontiguousarray(canvas[..., :3])))
    picture = picture.quantize(colours, dither=Image.Dither.NONE)
    palette = picture.getpalette()[: 3 * colours]
    palette += [0] * (3 * 255 - len(palette)) + [0, 0, 0]
    palette[3 * 254 : 3 * 255] = GREY
    picture.putpalette(palette)
    indices = np.array(picture)
    indices[height:] = 255
    indices[:height][canvas[..., 3] == 0] = 255
    picture = Image.fromarray(indices)
    picture.putpalette(palette)
    pen = ImageDraw.Draw(picture)
    pen.fontmode = "1"
    pen.text((0, height + 6), f"epoch {epoch}", fill=254, font=ImageFont.load_default(17))
    start = 104
    pen.rectangle((start, height + 16, width - 1, height + 16), fill=254)
    pen.rectangle((start, height + 14, start + (width - 1 - start) * epoch // max(last, 1), height + 18), fill=254)
    return picture
