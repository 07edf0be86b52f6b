"""Segmentation: a network from images to a class for every pixel, cross-entropy, and mean IoU."""

from collections.abc import Iterator

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from nets.data.batches import Batch, Batches, PixelRange
from nets.metrics import segmentation as metrics
from nets.tasks.contract import Evaluation, Task, count_macs

SHOWN = 8  # images of the figure
VOID = 255  # in the figure's masks


class Segmentation(Task):
    """One network, `segmenter`: (N, C, H, W) standardised images to (N, K, H, W) logits, of any height and width."""

    selection = ("miou", "higher")
    measured = ("best",)

    @staticmethod
    def pixel_range(info):
        return PixelRange(tuple(info["mean"]), tuple(info["std"]))

    def arguments(self, role):
        return {"in_channels": self.run.shape[0], "num_classes": self.run.num_classes}

    def step(self, batch: Batch) -> dict[str, Tensor]:
        self.networks.train()
        with self.autocast():
            logits = self.networks["segmenter"](batch.images)
        loss = cross_entropy(logits, batch.masks)
        self.update("segmenter", loss)
        return {"loss": loss.detach()}

    def validate(self, data: Batches) -> dict[str, float]:
        confusion, loss = 0, 0.0
        for batch, logits in self.predict(data):
            counted = (batch.masks >= 0).sum()
            loss = loss + (cross_entropy(logits, batch.masks) * counted).double()
            confusion = confusion + metrics.confusion_matrix(logits.argmax(1), batch.masks, self.run.num_classes)
        return {"loss": (loss / confusion.sum()).item(), "miou": metrics.mean_iou(confusion.cpu())}

    def evaluate(self, data: Batches) -> Evaluation:
        confusion = boundaries = 0
        for batch, logits in self.predict(data):
            pair = logits.argmax(1), batch.masks
            confusion = confusion + metrics.confusion_matrix(*pair, self.run.num_classes)
            boundaries = boundaries + metrics.boundary_counts(*pair, self.run.num_classes)
        confusion = confusion.cpu()
        arrays = {"class_iou": metrics.class_iou(confusion).numpy(), **self.show(data)}
        return Evaluation(metrics.METRICS.measure(confusion, boundaries.cpu()), arrays)

    @torch.no_grad()
    def predict(self, data: Batches) -> Iterator[tuple[Batch, Tensor]]:
        """Each batch of a split in order, with its logits (N, K, H, W) float32; no larger than those of training."""
        self.networks.eval()
        for batch in data.ordered(self.run.recipe.batch_size):
            with self.autocast():
                logits = self.networks["segmenter"](batch.images)
            yield batch, logits.float()

    @torch.no_grad()
    def show(self, data: Batches) -> dict[str, np.ndarray]:
        """A few images (n, C, H, W) with their true and predicted masks (n, H, W), uint8, evenly from the split."""
        self.networks.eval()
        batch = data.take(data.order[torch.linspace(0, len(data) - 1, min(SHOWN, len(data))).long()])
        with self.autocast():
            predicted = self.networks["segmenter"](batch.images).argmax(1)
        truth = batch.masks.masked_fill(batch.masks < 0, VOID)
        shown = {"images": self.pixels.invert(batch.images), "truths": truth, "predictions": predicted}
        return {name: values.to(torch.uint8).cpu().contiguous().numpy() for name, values in shown.items()}

    def outputs(self, images):
        yield "segmenter", self.networks["segmenter"](images), (2, self.run.num_classes, *self.run.shape[1:])

    def macs(self):
        image = torch.zeros(1, *self.run.shape, device=self.device)
        return {"segmenter": count_macs(self.networks["segmenter"], image)}

    def failure(self, history):
        constant, miou = 100 / self.run.num_classes, history[-1]["validation/miou"]
        if miou < constant:
            return (
                f"Validation mean IoU ended at {miou:.1f} %, where one class for all pixels may reach "
                f"{constant:.1f} %; train longer or change optimizer.lr."
            )
        return None


def cross_entropy(logits: Tensor, masks: Tensor) -> Tensor:
    """Mean over the pixels that are not void, of logits (N, K, H, W) and masks (N, H, W); 0 where all are void.

    The last step is of a flat list, since torch's loss of maps adds up in no fixed order on a GPU.
    """
    log_probabilities = logits.float().contiguous().log_softmax(1)  # contiguous: four times as fast on a CPU
    rows = log_probabilities.permute(0, 2, 3, 1).flatten(0, 2)
    return F.nll_loss(rows, masks.flatten(), ignore_index=-1, reduction="sum") / (masks >= 0).sum().clamp(min=1)
