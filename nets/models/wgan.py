"""WGAN: a critic that estimates the Wasserstein distance, in place of a discriminator.

Arjovsky, Chintala and Bottou, "Wasserstein Generative Adversarial Networks", ICML 2017, and
Gulrajani, Ahmed, Arjovsky, Dumoulin and Courville, "Improved Training of Wasserstein GANs",
NIPS 2017 (WGAN-GP), section 4: the gradient penalty is a property of each image, so the critic
must not mix the images of a batch, and layer normalisation takes the place of batch normalisation.

The generator is DCGAN's. The critic has the sizes of DCGAN's discriminator (table in
`nets.models.dcgan`). With weight clipping (the first paper), that discriminator itself, with batch
normalisation, can be the critic.
"""

from itertools import pairwise

from torch import Tensor, nn

from nets.models.dcgan import Generator, halving, halvings_of, initialise

__all__ = ["Critic", "Generator"]


class Critic(nn.Module):
    """Images (N, C, H, W) in -1..1 -> scores (N, num_classes), larger for images that look real."""

    def __init__(
        self,
        in_channels: int = 1,
        image_size: int = 28,
        num_classes: int = 1,
        width: int = 64,
        layer_norm: bool = True,
        kernel: int = 5,
    ) -> None:
        super().__init__()
        stages = halvings_of(image_size)
        smallest = image_size // 2**stages
        channels = [in_channels] + [width * 2**stage for stage in range(stages)]
        layers: list[nn.Module] = []
        for stage, (before, after) in enumerate(pairwise(channels)):
            normalised = layer_norm and stage > 0
            layers.append(halving(before, after, kernel, bias=not normalised))
            if normalised:
                layers.append(nn.GroupNorm(1, after))  # over channels, height and width of an image
            layers.append(nn.LeakyReLU(0.2))
        self.stages = nn.Sequential(*layers)
        last = nn.Linear(channels[-1] * smallest**2, num_classes)
        self.output = nn.Sequential(nn.Flatten(), last)
        initialise(self)

    def forward(self, x: Tensor) -> Tensor:  # the sizes are those of a 64 x 64 image
        x = self.stages(x)  # (N, 512, 4, 4)
        return self.output(x)  # (N, num_classes)
