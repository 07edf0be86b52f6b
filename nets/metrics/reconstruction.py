"""Metrics of reconstructions: pure functions of images (N, C, H, W) in 0..1."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nets.metrics.metric import ANY, Accuracy, Metric, Table

if TYPE_CHECKING:
    from torch import Tensor


def mse(images: Tensor, reconstructions: Tensor) -> Tensor:
    """Mean squared error of each image (N,)."""
    return (images - reconstructions).square().flatten(1).mean(1)


def squared_error(images: Tensor, reconstructions: Tensor) -> Tensor:
    """Squared error of each image, summed over its pixels (N,), as Hinton and Salakhutdinov 2006 report it."""
    return (images - reconstructions).square().flatten(1).sum(1)


def bce(images: Tensor, logits: Tensor) -> Tensor:
    """Binary cross-entropy of each image in nats, summed over its pixels (N,).

    A grey pixel counts as the probability of a white one. So a perfect reconstruction has the entropy of its pixels,
    which is 0 only for black and white images.
    """
    import torch.nn.functional as F

    return F.binary_cross_entropy_with_logits(logits, images, reduction="none").flatten(1).sum(1)


def pixel_entropy(images: Tensor) -> Tensor:
    """Entropy of each image in nats, summed over its pixels (N,), with their values as probabilities of white.

    The lowest BCE that any reconstruction can reach; 0 for black and white images.
    """
    import torch

    return (torch.special.entr(images) + torch.special.entr(1 - images)).flatten(1).sum(1)


def mae(images: Tensor, reconstructions: Tensor) -> Tensor:
    """Mean absolute error of each image (N,)."""
    return (images - reconstructions).abs().flatten(1).mean(1)


def psnr(images: Tensor, reconstructions: Tensor) -> Tensor:
    """Peak signal-to-noise ratio of each image in dB, for a peak of 1 (N,); infinite for a perfect one."""
    return -10 * mse(images, reconstructions).log10()


WINDOW = 11  # pixels, of SSIM


def too_small(images: Tensor, _: Tensor) -> str | None:
    """Why SSIM can't be measured on images (N, C, H, W): no window fits into them; None if one does."""
    height, width = images.shape[2:]
    if min(height, width) >= WINDOW:
        return None
    return f"It needs images of at least {WINDOW}x{WINDOW} pixels, and these have {width}x{height}."


def ssim(images: Tensor, reconstructions: Tensor) -> Tensor:
    """Structural similarity of each image (N,), mean over channels (Wang et al. 2004).

    Gaussian window of 11 pixels with sigma 1.5, K1 = 0.01, K2 = 0.03, population covariance, peak 1. Only
    windows inside the image count.
    """
    import torch
    import torch.nn.functional as F

    channels, c1, c2 = images.shape[1], 0.01**2, 0.03**2
    offsets = torch.arange(WINDOW, dtype=images.dtype, device=images.device) - WINDOW // 2
    gauss = torch.exp(-offsets.square() / (2 * 1.5**2))
    window = torch.outer(gauss / gauss.sum(), gauss / gauss.sum()).expand(channels, 1, WINDOW, WINDOW)

    def local_mean(x: Tensor) -> Tensor:
        return F.conv2d(x, window, groups=channels)

    x, y = images, reconstructions
    mean_x, mean_y = local_mean(x), local_mean(y)
    var_x, var_y = local_mean(x * x) - mean_x**2, local_mean(y * y) - mean_y**2
    covariance = local_mean(x * y) - mean_x * mean_y
    similarity = (2 * mean_x * mean_y + c1) * (2 * covariance + c2)
    return (similarity / ((mean_x**2 + mean_y**2 + c1) * (var_x + var_y + c2))).flatten(1).mean(1)


METRICS = Table({  # from images and reconstructions (N, C, H, W) to one number per image (N,)
    "mse": Metric("MSE", "", 5, "lower", "Mean squared error of pixels in 0..1.", mse),
    "squared_error": Metric("Squared error", "", 2, "lower", "Squared error of pixels in 0..1, summed over an image: "
                            "MSE times the number of pixels.", squared_error),
    "mae": Metric("MAE", "", 4, "lower", "Mean absolute error of pixels in 0..1.", mae),
    "psnr": Metric("PSNR", "dB", 2, "higher", "Peak signal-to-noise ratio: the squared error on a logarithmic scale; "
                   "6 dB more means half the error per pixel.", psnr,
                   range=ANY),
    "ssim": Metric("SSIM", "", 4, "higher", "Structural similarity: similarity of local brightness, contrast and "
                   "structure; 1 means identical.", ssim, too_small, (-1, 1)),
})  # fmt: skip
TRAINED = Table({  # `nets.tasks.codes` and `Reconstruction.trained` measure them on a split
    "bce": Metric("BCE", "nats", 2, "lower", "Binary cross-entropy of an image, summed over its pixels. It treats "
                  "grey as the probability of white, so even for a perfect reconstruction it is not zero but the "
                  "entropy of the pixels. It is a likelihood only for black and white images, which can reach zero.",
                  None),
    "pixel_entropy": Metric("Entropy of pixels", "nats", 2, "none", "Entropy of an image, with the grey of each pixel "
                            "as its probability of being white, summed over its pixels. It belongs to the data: the "
                            "floor below which no model's BCE, and no minus ELBO of grey pixels, can fall.", None),
    "objective": Metric("Objective", "", 4, "none", "The loss of the row's recipe, on test data. Recipes use different "
                        "losses: compare it with the recipe's source, not between rows.", None, range=ANY),
    "top1_sampled": Accuracy("Top-1, sampled code", "%", 2, "higher", "Top-1 of a VAE's classifier on a sampled code "
                             "of each image, as in training; plain top-1 uses the mean of the code.", None),
})  # fmt: skip
