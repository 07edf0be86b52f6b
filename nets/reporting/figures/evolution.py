"""An animation of how a network learns: what it makes of the same images or latents, snapshot after snapshot."""

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from nets.reporting.figures import pictures
from nets.reporting.figures.figure import RunFigure
from nets.reporting.results import Result

FRAMES, SHOWN = 16, 16  # limits: frames, and images per frame
CAPTION = 26  # height of the caption in pixels


def has_snapshots(result: Result) -> bool:
    """Whether there are snapshots of at least two epochs."""
    return len(result.snapshots.get("epochs", ())) > 1


def evolution(result: Result, path: Path) -> None:
    """The snapshots of a run as an animation."""
    animate(result.snapshots["images"], result.snapshots["epochs"], path)


def animate(images: np.ndarray, epochs: np.ndarray, path: Path) -> None:
    """Write snapshots (F, n, C, H, W) as an animated GIF, each with its epoch and a bar of progress."""
    colours = 16 if images.shape[2] == 1 else 64
    frames = [frame(images[i, :SHOWN], int(epochs[i]), int(epochs[-1]), colours) for i in chosen(epochs)]
    times = [220] * (len(frames) - 1) + [2000]
    frames[0].save(
        path, save_all=True, append_images=frames[1:], duration=times, loop=0, disposal=2, optimize=False,
        transparency=255,
    )  # fmt: skip


def chosen(epochs: np.ndarray) -> np.ndarray:
    """The places of at most `FRAMES` epochs, evenly spaced, the first and the last included."""
    return np.unique(np.linspace(0, len(epochs) - 1, min(FRAMES, len(epochs))).round().astype(int))


def frame(images: np.ndarray, epoch: int, last: int, colours: int) -> Image.Image:
    """One frame of an animation. Colour 255 of its palette is transparent."""
    canvas = pictures.grid(images, columns=8, size=pictures.MOVING)
    height, width, _ = canvas.shape
    picture = Image.new("RGB", (width, height + CAPTION))
    picture.paste(Image.fromarray(np.ascontiguousarray(canvas[..., :3])))
    picture = picture.quantize(colours, dither=Image.Dither.NONE)
    palette = picture.getpalette()[: 3 * colours]
    palette += [0] * (3 * 255 - len(palette)) + [0, 0, 0]
    palette[3 * 254 : 3 * 255] = pictures.GREY
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


EVOLUTION = RunFigure(
    "evolution.gif", has_snapshots, evolution, "What the network makes of the same {inputs} while it learns."
)
