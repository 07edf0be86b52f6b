"""Figures of a segmentation network: images above their masks in the classes' colours, and the IoU of each class."""

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from nets.reporting.figures import style
from nets.reporting.figures.figure import RunFigure, has
from nets.reporting.figures.pictures import GAP, GREY
from nets.reporting.results import Result

WIDTH = 900  # largest width of all images of a row, in pixels
MARGIN, LINE = 84, 24  # width of the rows' names, height of a line of the legend
VOID, WRONG = (0, 0, 0), (255, 64, 48)
ROWS = ("image", "truth", "prediction", "mistakes")
COLOURS = np.array(
    [
        (96, 104, 118), (230, 159, 0), (86, 180, 233), (0, 158, 115), (240, 228, 66), (0, 114, 178), (213, 94, 0),
        (204, 121, 167), (170, 255, 195), (145, 30, 180), (128, 60, 20), (250, 190, 212), (0, 0, 160), (255, 250, 200),
        (0, 100, 60), (190, 240, 40), (128, 128, 0), (70, 240, 240), (220, 190, 255), (128, 0, 60),
    ],
    np.uint8,
)  # fmt: skip


def colour(masks: np.ndarray, classes: int) -> np.ndarray:
    """Masks (n, H, W) in the classes' colours (n, H, W, 3); other values are void."""
    table = np.full((256, 3), VOID, np.uint8)
    table[:classes] = COLOURS[np.arange(classes) % len(COLOURS)]
    return table[masks]


def mistakes(images: np.ndarray, truths: np.ndarray, predictions: np.ndarray, classes: int) -> np.ndarray:
    """Dark grey images (n, H, W, 3) with wrong pixels in red and void in black."""
    grey = (images.mean(axis=1, keepdims=True) / 2).astype(np.uint8).repeat(3, axis=1).transpose(0, 2, 3, 1)
    grey[(truths != predictions) & (truths < classes)] = WRONG
    grey[truths >= classes] = VOID
    return grey


def segmentation(result: Result, path: Path) -> None:
    """One column per image: the image, the truth, the prediction and the mistakes; below, a legend of the colours."""
    names = result.class_labels(len(result.arrays["class_iou"]))
    images, truths, predictions = (result.arrays[key] for key in ("images", "truths", "predictions"))
    pixels = images.transpose(0, 2, 3, 1)
    pixels = pixels.repeat(3, axis=3) if pixels.shape[3] == 1 else pixels
    rows = [pixels, *(colour(masks, len(names)) for masks in (truths, predictions))]
    rows.append(mistakes(images, truths, predictions, len(names)))
    height, width = images.shape[2:]
    scale = max(1, 128 // max(height, width))
    height, width = height * scale, width * scale
    shown = min(len(images), max(1, WIDTH // width))
    entries = [(name, tuple(COLOURS[n % len(COLOURS)].tolist())) for n, name in enumerate(names)]
    entries += [("void (not counted)", VOID)] if (truths >= len(names)).any() else []
    places, lines = legend_places([name for name, _ in entries], MARGIN + shown * (width + GAP))
    top = len(ROWS) * (height + GAP) + 10
    picture = Image.new("RGBA", (MARGIN + shown * (width + GAP), top + lines * LINE))
    pen, font = ImageDraw.Draw(picture), ImageFont.load_default(15)
    for row, (word, tiles) in enumerate(zip(ROWS, rows, strict=True)):
        pen.text((0, row * (height + GAP) + height // 2), word, fill=GREY, font=font, anchor="lm")
        for column in range(shown):
            tile = Image.fromarray(tiles[column]).resize((width, height), Image.Resampling.NEAREST)
            picture.paste(tile, (MARGIN + column * (width + GAP), row * (height + GAP)))
    for (name, fill), (left, line) in zip(entries, places, strict=True):
        pen.rectangle((left, top + line * LINE + 3, left + 14, top + line * LINE + 17), fill=fill, outline=GREY)
        pen.text((left + 20, top + line * LINE + 10), name, fill=GREY, font=font, anchor="lm")
    picture.save(path)


def legend_places(words: list[str], width: int) -> tuple[list[tuple[int, int]], int]:
    """The place (left, line) of each legend entry, in lines from MARGIN to `width` pixels; and the number of lines."""
    font, left, line, places = ImageFont.load_default(15), MARGIN, 0, []
    for word in words:
        length = 20 + int(font.getlength(word)) + 16
        if left + length > width and left > MARGIN:
            left, line = MARGIN, line + 1
        places.append((left, line))
        left += length
    return places, line + 1


def class_iou(result: Result, path: Path) -> None:
    """One bar per class; a class that does not occur has none."""
    values = result.arrays["class_iou"]
    names = result.class_labels(len(values))
    with style.drawing(path, 3.9, 0.2 * len(names) + 0.6) as (axis,):
        places = np.arange(len(names))
        axis.barh(places, np.nan_to_num(values), height=0.66, color=style.COLOURS[0])
        for place, value in enumerate(values.tolist()):
            text = "does not occur" if np.isnan(value) else f"{value:.1f}"
            axis.text(float(np.nan_to_num(value)) + 1.5, place, text, va="center", fontsize=7.5)
        axis.set_yticks(places, names)
        axis.set(xlim=(0, 112), ylim=(len(names) - 0.4, -0.6), xticks=(0, 25, 50, 75, 100))
        axis.grid(False, axis="y")
        axis.set_title("IoU of each class (%)")


FIGURES = (
    RunFigure(
        "segmentation.png",
        has("truths"),
        segmentation,
        "One test image per column: the image, the true class of every pixel, the prediction, and its mistakes in red.",
    ),
    RunFigure(
        "class_iou.svg",
        has("class_iou"),
        class_iou,
        "IoU of each class in test images: the pixels that truth and prediction both give to it, divided by those that "
        "either gives to it.",
    ),
)
