"""The training loop against plain torch that takes as many steps on one batch that is ready.

The bare loop has no input, no augmentation, no schedule, no history and no checkpoint. Ours has all of these, so a
ratio of 1 means that they cost nothing. Networks, optimizers, batch sizes and memory format are the same. They are
those of the suite `quick`. Both begin with the first weights in each round: trained for too long on one batch, a
network has gradients so small (denormal numbers) that processors compute slowly with them.
"""

from benchmarks.measuring import Findings, Place, compare
from benchmarks.networks import Contest

# By title: the row (model, data set, recipe, overrides), epochs, images. Each takes about a second.
ROWS = {
    "MLP": ("mlp mnist5k mlp batch_size=64", 8, None),
    "LeNet-5": ("lenet5 mnist5k lenet5", 2, None),
    "DCGAN": ("dcgan mnist5k dcgan model.width=16", 1, 2560),
    "autoencoder": ("autoencoder mnist5k autoencoder batch_size=128", 10, None),
    "VAE": ("vae mnist5k vae", 6, None),
    "convolutional autoencoder": ("conv_autoencoder mnist5k conv_autoencoder model.widths=[16,32,64]", 2, None),
    "U-Net": (
        "unet digit_scenes unet_small model.width=8 model.depth=3 model.batch_norm=true model.dropout=0",
        1,
        320,
    ),
}
QUICK = 3  # the first ones, in a quick measurement


def measure(place: Place) -> Findings:
    """Every network in turn."""
    found = Findings("bare loop")
    for title in place.some(list(ROWS), QUICK):
        contest = Contest(place, *ROWS[title])
        found.comparisons.append(compare(f"loop: {title}", contest.loop, contest.bare(), place.rounds))
    return found
