"""The training loop against a script with a `DataLoader`: two worker processes, transforms of single images.

The script is plain torch in its default memory format. Its workers live for the whole training, and their CPU time
counts. On a machine with idle cores, they work beside the training: the ratio on the clock is then the one to look at.
"""

from collections.abc import Callable

from torch.utils.data import DataLoader

from benchmarks.input_pipeline import Images
from benchmarks.loop import ROWS
from benchmarks.measuring import Findings, Place, compare
from benchmarks.networks import Contest
from nets.data.prepared import open_split

TITLES = ("LeNet-5", "MLP", "VAE", "DCGAN", "convolutional autoencoder")
WORKERS = 2


def measure(place: Place) -> Findings:
    """Every network in turn."""
    found = Findings("DataLoader script")
    for title in place.some(TITLES, 1):
        contest = Contest(place, *ROWS[title][:2])
        script = contest.script(loader_of(contest))
        found.comparisons.append(compare(f"dataloader: {title}", contest.loop, script, 3))
    return found


def loader_of(contest: Contest) -> Callable[[], DataLoader]:
    """A function that makes the loader of a training."""
    split = open_split(contest.data_dir, "train")
    images = Images(split, contest.task.pixels, contest.run.recipe.augment.get("crop_padding", 0))
    options = {"shuffle": True, "num_workers": WORKERS, "drop_last": True, "persistent_workers": True}
    return lambda: DataLoader(images, contest.task.batch_size, **options)
