"""Grids of images, with enlarged pixels so that images of 28 by 28 are readable."""

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

GAP = 3
STILL, MOVING = 96, 64  # largest side of an image in pixels: in a grid, and in a large grid or an animation
LINE = 15  # height of a line of text below an image
GREY = (124, 132, 146)  # readable on white and on black


def over(first: np.ndarray, second: np.ndarray, columns: int = 8) -> np.ndarray:
    """Interleave two lists of images (n, C, H, W): a row of a grid from the first, then one from the second."""
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


def captioned(images: np.ndarray, lines: list[list[str]], columns: int, size: int = STILL) -> np.ndarray:
    """Images (n, C, H, W) uint8 side by side, each above its lines of text: (height, width, 4) uint8."""
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
    """Write a grid as PNG; a grey one without colours, in half the space."""
    grey = (canvas[..., 0] == canvas[..., 1]).all() and (canvas[..., 1] == canvas[..., 2]).all()
    image = Image.fromarray(canvas)
    (image.convert("LA") if grey else image).save(path)


def save_pairs(first: np.ndarray, second: np.ndarray, path: Path) -> None:
    """Write two lists of images (n, C, H, W) in rows of eight, the first above the second."""
    save(grid(over(first, second), columns=8), path)


def save_rows(images: np.ndarray, path: Path) -> None:
    """Write images (..., C, H, W) in rows of ten."""
    save(grid(images.reshape(-1, *images.shape[-3:]), columns=10, size=MOVING), path)
