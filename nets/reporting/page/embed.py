"""Pictures inside a page: files as data URIs, so that one file holds all."""

import base64
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from nets.reporting.results import Run, Samples

TYPES = {".png": "image/png", ".gif": "image/gif"}
CAPTIONS = {
    "samples.png": "Images that the network invented after the last epoch, from random latents.",
    "reconstructions.png": "Rows in pairs: test images, and what the network made of them.",
    "latents.svg": "Where test images lie in a code of two numbers. A colour is a class, of which only a network with "
    "a classifier is told in training. Classes that lie on each other can't be told apart from the code.",
    "manifold.png": "Images decoded from a grid over the code of two numbers. Its lines part the prior of a VAE, or "
    "the codes of test images, into equal shares: from one field to the next one can watch a class become another.",
    "interpolation.png": "Each row walks in a straight line from the code of one test image to that of another. Where "
    "the middle looks like neither an image nor a blend, the code has a hole there.",
    "error_by_class.svg": "How badly test images of each class are drawn again: half of them lie in the box, the line "
    "is the median, whiskers reach from the 5th to the 95th percentile. Images with many strokes are harder.",
    "segmentation.png": "Test images, one a column: the image, the true class of every pixel, the network's answer, "
    "and its mistakes in red.",
    "class_iou.svg": "How well each class is found in test images: of the pixels that truth or answer give it, the "
    "share that both give it.",
    "evolution.gif": "The same {what} again and again while the network learns.",
    "denoising.png": "From noise (left) to images (right): how each sample comes out as the denoiser takes noise away.",
    "latent_walk.png": "From one latent (left) to another (right) by even steps on the sphere. Where neighbours are "
    "alike and all are plausible, the network has learned a space, not a list of images.",
    "nearest.png": "Rows in pairs: samples, and under each the training image that is nearest in pixels; from the "
    "nearest to the farthest. Equal pairs would be copies.",
    "classes.svg": "How a classifier sorts samples and real test images; a class that is missing is a lost mode.",
    "curves.svg": "Training, epoch by epoch.",
    "worst.png": "Test images on which the network was most wrong: its answer and how sure it was, and the truth.",
    "confusion.svg": "Numbers of test images: the truth by row, the answer by column. Shades are stretched to show "
    "rare errors.",
}

OF_SAMPLES = ("samples.png", "nearest.png", "classes.svg")  # of a run that stands for its samples alone


@dataclass(frozen=True)
class Picture:
    """A picture of a page; `kind` is its file's stem."""

    source: str
    alt: str
    caption: str
    kind: str


def data_uri(path: Path) -> str:
    """A file as a data URI; SVG as text, which is shorter than base64."""
    if path.suffix == ".svg":
        return "data:image/svg+xml," + quote(path.read_text(encoding="utf-8"), safe=" =:/,;()'-._~!*@$+?[]{}|^`")
    return f"data:{TYPES[path.suffix]};base64,{base64.b64encode(path.read_bytes()).decode()}"


def run_pictures(run: Run, best: bool) -> list[Picture]:
    """The figures of a run, the most telling first; its mistakes only where it is the best of its data set."""
    names = OF_SAMPLES if isinstance(run, Samples) else CAPTIONS
    paths = [run.folder / "figures" / name for name in names if best or name != "worst.png"]
    what = "images" if run.config["task"] == "reconstruction" else "latents"
    return [
        Picture(data_uri(p), f"{p.stem.capitalize()} of {run.label} on {run.config['dataset']}, seed {run.seed}",
                CAPTIONS[p.name].format(what=what), p.stem)
        for p in paths if p.exists()
    ]  # fmt: skip


def comparison_pictures(folder: Path, task: str, dataset: str) -> dict[str, list[Picture]]:
    """The figures that compare the models of a task on a data set: `learning`, `cost` and `stability`."""
    captions = {
        "learning": "All models together: the mean over seeds, in a band from the lowest to the highest seed. "
        "Where the beginning is steep, the frame cuts it off. Settings stand in the table.",
        "parameters": "Quality against size. Bars: 95 % confidence interval.",
        "macs": "Quality against arithmetic. Bars: 95 % confidence interval.",
        "sample_macs": "Quality against the arithmetic of drawing one image, all steps together.",
        "seconds": "Quality against training time. Bars: 95 % confidence interval.",
        "rate_distortion": "What the VAEs' codes cost and what they are good for: rate is what a code says of its "
        "image (KL), distortion what is left to say (both in nats). On a dashed line the sum is the same: the negative "
        "ELBO. Towards the lower left is better; along a line, a VAE trades detail for a code nearer to the prior.",
    }
    if task in ("classification", "segmentation"):  # style.stretch
        words = " The scale widens towards 100 %, where good models differ."
        captions = {name: caption + words for name, caption in captions.items()}
    found: dict[str, list[Picture]] = {"learning": [], "cost": [], "stability": []}
    for name, caption in captions.items():
        path = folder / f"{task}-{dataset}-{name}.svg"
        if path.exists():
            words = {"learning": "Learning curves", "rate_distortion": "Distortion against rate"}
            alt = f"{words.get(name, f'Quality against {name}')} of {task} on {dataset}"
            kind = name if name == "learning" else "cost"
            found[kind].append(Picture(data_uri(path), alt, caption, name))
    if task == "generation" and (path := folder / f"stability-{dataset}.svg").exists():
        caption = "Spreads in the last half of training: a point a seed, a bar the mean over seeds; left is steadier."
        found["stability"].append(Picture(data_uri(path), f"Stability of training on {dataset}", caption, "stability"))
    return found
