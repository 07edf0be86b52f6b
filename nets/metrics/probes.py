"""What frozen codes tell about the classes: two simple classifiers on them, as pure functions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nets.metrics.metric import Accuracy, Table

if TYPE_CHECKING:
    from torch import Tensor

NEIGHBOURS = 5


def standardise(learning: Tensor, test: Tensor) -> tuple[Tensor, Tensor]:
    """Codes (N, L) and (M, L) as float64, scaled to mean 0 and deviation 1 over the learning codes.

    Numbers that are constant over the learning codes are only shifted.
    """
    learning, test = learning.double(), test.double()
    mean, deviation = learning.mean(0), learning.std(0, correction=0)
    deviation[deviation < 1e-9] = 1
    return (learning - mean) / deviation, (test - mean) / deviation


def linear_probe(learning: Tensor, labels: Tensor, test: Tensor, num_classes: int) -> Tensor:
    """Classes (M,) of test codes by logistic regression on learning codes (N, L) and their labels (N,).

    L-BFGS on standardised codes minimises the summed negative log-likelihood plus |W|² / 2, as scikit-learn does.
    """
    import torch
    import torch.nn.functional as F

    learning, test = standardise(learning, test)
    weight = torch.zeros(learning.shape[1], num_classes, dtype=torch.float64, requires_grad=True)
    bias = torch.zeros(num_classes, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS(
        [weight, bias], max_iter=200, tolerance_grad=1e-6, tolerance_change=1e-12, line_search_fn="strong_wolfe"
    )

    def loss() -> Tensor:
        optimizer.zero_grad()
        penalty = weight.square().sum() / (2 * len(learning))
        value = F.cross_entropy(learning @ weight + bias, labels) + penalty
        value.backward()
        return value

    optimizer.step(loss)
    return (test @ weight + bias).detach().argmax(1)


def nearest_neighbours(learning: Tensor, labels: Tensor, test: Tensor, num_classes: int) -> Tensor:
    """Classes (M,) of test codes (M, L) by a vote of the 5 nearest learning codes; ties go to the lowest class."""
    import torch
    import torch.nn.functional as F

    learning, classes = learning.double(), []
    for part in test.double().split(500):
        nearest = torch.cdist(part, learning).topk(min(NEIGHBOURS, len(learning)), largest=False).indices
        classes.append(F.one_hot(labels[nearest], num_classes).sum(1).argmax(1))
    return torch.cat(classes)


METRICS = Table({  # functions that predict classes (M,); `Reconstruction.probe` turns them into accuracies
    "probe_top1": Accuracy("Linear probe", "%", 2, "higher", "Top-1 of a logistic regression on the frozen code: how "
                           "well the code separates the classes linearly.", linear_probe),
    "knn_top1": Accuracy("k-NN", "%", 2, "higher", "Top-1 of a vote of the 5 nearest training codes: how well classes "
                         "cluster in the code.", nearest_neighbours),
})  # fmt: skip
