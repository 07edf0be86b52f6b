"""Metrics of what the option `measure` asks for, and functions that they need; `study` of each task measures them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nets.metrics.metric import ANY, STEEP, Metric, Table

if TYPE_CHECKING:
    from torch import Tensor


def principal_angles(first: Tensor, second: Tensor) -> Tensor:
    """The angles (k,), in degrees and rising, between the spaces that the rows of two (k, D) matrices span.

    Björck and Golub, "Numerical methods for computing angles between linear subspaces", 1973: of cosines near 1,
    the sine is taken, which has more digits there.
    """
    import torch

    (a, _), (b, _) = (torch.linalg.qr(rows.double().T) for rows in (first, second))
    cosines = torch.linalg.svdvals(a.T @ b).clamp(max=1)
    sines = torch.linalg.svdvals(b - a @ (a.T @ b)).flip(0).clamp(max=1)
    return torch.where(cosines.square() > 0.5, sines.asin(), cosines.acos()).rad2deg()


FIRST = "of the gradient of the first layer's weights (its root mean square), as a power of ten, on training images"
RATIO = "The first layer's gradient divided by the last layer's, as a power of ten; 0 means equal, -3 a thousandth"
GRADIENTS = Table({  # of a classifier, on training images
    "gradient_first_start": Metric("First gradient, start", "", 2, "none", f"Size {FIRST}, before training.", None,
                                   range=ANY),
    "gradient_first_end": Metric("First gradient, end", "", 2, "none", f"Size {FIRST}, after training.", None,
                                 range=ANY),
    "gradient_ratio_start": Metric("First to last gradient, start", "", 2, "none", f"{RATIO}. Before training.", None,
                                   range=ANY),
    "gradient_ratio_end": Metric("First to last gradient, end", "", 2, "none", f"{RATIO}. After training.", None,
                                 range=ANY),
})  # fmt: skip
SUBSPACE = Table({  # of a linear autoencoder
    "subspace_angle": Metric("Angle to PCA's space", "°", 2, "lower", "The largest principal angle between the space "
                             "in which a linear autoencoder draws and that of as many principal components of the "
                             "training images. At 0 the two are the same, at 90 a direction of one is missing in the "
                             "other.", None, range=(0, 90)),
    "subspace_overlap": Metric("Overlap with PCA's space", "%", 2, "higher", "The mean squared cosine of the principal "
                               "angles between these two spaces: the share of PCA's space that lies in the other. "
                               "Unlike the largest angle, it forgives a single direction that is not found yet, as "
                               "where two components explain nearly as much.", None),
})  # fmt: skip
BOTTLENECK = Table({  # of an autoencoder with skips
    "mse_without_bottleneck": Metric("MSE without bottleneck", "", 5, "none", "MSE if the bottleneck of a U-Net says "
                                     "nothing: its numbers are set to 0 and only the skips reach the decoder.", None),
    "mse_without_skips": Metric("MSE without skips", "", 5, "none", "MSE if the skips of a U-Net say nothing: they are "
                                "set to 0 and only the bottleneck reaches the decoder.", None),
})  # fmt: skip
VARIANCE = "variance of the gradient of the expected distortion with respect to mean and log variance of a code, from"
GRADIENT_VARIANCE = Table({  # of a VAE
    "gradient_variance": Metric("Gradient's variance, reparametrised", "", None, "none", f"The {VARIANCE} one sample "
                                "through which the gradient flows; the sum over the code, the mean over images.", None),
    "gradient_variance_score": Metric("Gradient's variance, score function", "", None, "none", f"The {VARIANCE} one "
                                      "sample's distortion times the gradient of its log-probability (REINFORCE).",
                                      None),
    "gradient_variance_baseline": Metric("Gradient's variance, score function with baseline", "", None, "none",
                                         f"The {VARIANCE} the score function, with the mean distortion of the "
                                         "image's other samples subtracted.", None),
})  # fmt: skip
SCALES = Table({  # of a segmenter
    "miou_half": Metric("Mean IoU at half size", "%", 2, "higher", "Mean IoU on test images of half the height and "
                        "width.", None),
    "miou_double": Metric("Mean IoU at double size", "%", 2, "higher", "Mean IoU on test images of double the height "
                          "and width.", None),
})  # fmt: skip
FALL = (
    "By how many powers of ten the norm of the generator's gradient changes while a new discriminator learns to tell "
    "its images, which stay as they are, from real ones (Arjovsky and Bottou 2017)"
)
DISCRIMINATOR_STEPS = Table({  # of an adversarial network
    "gradient_fall_minimax": Metric("Change of gradient, minimax", "", 2, "none", f"{FALL}. With the minimax loss.",
                                    None, range=ANY),
    "gradient_fall_non_saturating": Metric("Change of gradient, non-saturating", "", 2, "none",
                                           f"{FALL}. With the non-saturating loss.", None, range=ANY),
})  # fmt: skip
FEW_STEPS = "In-domain FID of 250 samples, drawn in a twentieth of the steps"
SAMPLING_STEPS = Table({  # of a diffusion network
    "fid_few_ddim": Metric("FID, few DDIM steps", "", 2, "lower", f"{FEW_STEPS}, of DDIM.", None, tolerance=STEEP),
    "fid_few_ancestral": Metric("FID, few ancestral steps", "", 2, "lower", f"{FEW_STEPS}, of ancestral sampling.",
                                None, tolerance=STEEP),
})  # fmt: skip
