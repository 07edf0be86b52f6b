"""Segmentation: a network predicts the class of every pixel; cross-entropy, mean IoU."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from nets.data.batches import Batch, Batches, PixelRange
from nets.data.prepared import majority
from nets.metrics import segmentation as metrics
from nets.tasks.contract import Evaluation, Outputs, Selection, Task
from nets.tasks.macs import count_macs

SCALES = (0.5, 0.75, 1.0, 1.5, 2.0)  # of test images, if the option `measure` asks for them
SHOWN = 8  # images in the figure
VOID = 255  # pixels without a class, in the figure's masks


class Segmentation(Task):
    """One network, `segmenter`: (N, C, H, W) standardised images to (N, K, H, W) logits, of any height and width."""

    selection = Selection("miou", "higher")
    measured = ("best",)

    @staticmethod
    def pixel_range(info: dict[str, Any]) -> PixelRange:
        return PixelRange(tuple(info["mean"]), tuple(info["std"]))

    def arguments(self, role: str) -> dict[str, Any]:
        return {"in_channels": self.run.shape[0], "num_classes": self.run.num_classes}

    def step(self, batch: Batch) -> dict[str, Tensor]:
        self.networks.train()
        with self.autocast():
            logits = self.networks["segmenter"](batch.images)
        loss = cross_entropy(logits, masks_of(batch))
        self.update("segmenter", loss)
        return {"loss": loss.detach()}

    def validate(self, data: Batches) -> dict[str, float]:
        loss, confusion = torch.zeros((), dtype=torch.float64, device=self.device), self.counts(self.run.num_classes)
        for masks, logits in self.predict(data):
            counted = (masks >= 0).sum()
            loss = loss + (cross_entropy(logits, masks) * counted).double()
            confusion = confusion + metrics.confusion_matrix(logits.argmax(1), masks, self.run.num_classes)
        return {"loss": (loss / confusion.sum()).item(), "miou": metrics.mean_iou(confusion.cpu())}

    def evaluate(self, data: Batches) -> Evaluation:
        confusion, boundaries = self.counts(self.run.num_classes), self.counts(4)
        for masks, logits in self.predict(data):
            predicted = logits.argmax(1)
            confusion = confusion + metrics.confusion_matrix(predicted, masks, self.run.num_classes)
            boundaries = boundaries + metrics.boundary_counts(predicted, masks, self.run.num_classes)
        confusion = confusion.cpu()
        arrays = {"class_iou": metrics.class_iou(confusion).numpy(), **self.show(data)}
        values = metrics.METRICS.measure(confusion, boundaries.cpu())
        return Evaluation(values, arrays, metrics.BY_CLASS.measure(confusion))

    def study(self, train: Batches, test: Batches) -> dict[str, Evaluation]:
        if not self.asked("scales"):
            return {}
        values = {scale: self.miou_at(scale, test) for scale in SCALES}
        arrays = {"scales": np.array(SCALES), "scale_miou": np.array(list(values.values()))}
        return {"test": Evaluation({"miou_half": values[0.5], "miou_double": values[2.0]}, arrays)}

    @torch.no_grad()
    def miou_at(self, scale: float, data: Batches) -> float:
        """Mean IoU on images (bilinear) and masks (nearest) that are so many times as high and wide."""
        self.networks.eval()
        confusion = self.counts(self.run.num_classes)
        for batch in data.ordered(self.measured_at_once):
            masks = masks_of(batch)
            size = [round(scale * side) for side in masks.shape[1:]]
            images = F.interpolate(batch.images, size, mode="bilinear", antialias=scale < 1)
            scaled = F.interpolate(masks[:, None].double(), size, mode="nearest-exact")[:, 0].long()
            confusion = confusion + metrics.confusion_matrix(self.answer(images), scaled, self.run.num_classes)
        return metrics.mean_iou(confusion.cpu())

    @property
    def measured_at_once(self) -> int:
        """No more than in training."""
        return self.run.recipe.batch_size

    def counts(self, columns: int) -> Tensor:
        """Zeros (K, columns) int64, to which the counts of batches are added."""
        return torch.zeros(self.run.num_classes, columns, dtype=torch.int64, device=self.device)

    @torch.no_grad()
    def predict(self, data: Batches) -> Iterator[tuple[Tensor, Tensor]]:
        """Masks and logits (N, K, H, W) float32 of a split, batch by batch in order, no larger than in training."""
        self.networks.eval()
        for batch in data.ordered(self.measured_at_once):
            with self.autocast():
                logits = self.networks["segmenter"](batch.images)
            yield masks_of(batch), logits.float()

    @torch.no_grad()
    def show(self, data: Batches) -> dict[str, np.ndarray]:
        """A few images (n, C, H, W), evenly spaced in the split, with true and predicted masks (n, H, W); all uint8."""
        self.networks.eval()
        batch = data.take(data.order[torch.linspace(0, len(data) - 1, min(SHOWN, len(data))).long()])
        predicted = self.answer(batch.images)
        masks = masks_of(batch)
        truths = masks.masked_fill(masks < 0, VOID)
        shown = {"images": self.pixels.invert(batch.images), "truths": truths, "predictions": predicted}
        return {name: values.to(torch.uint8).cpu().contiguous().numpy() for name, values in shown.items()}

    def outputs(self, images: Tensor) -> Outputs:
        yield "segmenter", self.networks["segmenter"](images), (2, self.run.num_classes, *self.run.shape[1:])

    def answer(self, images: Tensor) -> Tensor:
        """The class of every pixel (N, H, W), int64."""
        with self.autocast():
            return self.networks["segmenter"](images).argmax(1)

    def macs(self) -> dict[str, int]:
        image = torch.zeros(1, *self.run.shape, device=self.device)
        return {"segmenter": count_macs(self.networks["segmenter"], image)}

    def failure(self, history: list[dict[str, float]], info: dict[str, Any]) -> str | None:
        occurring = sum(count > 0 for count in info["class_pixels"]["validation"])
        constant = 100 * majority(info, "validation") / max(occurring, 1)  # of one class, the others' IoU being 0
        miou = history[-1].get("validation/miou", constant)  # without validation images, not measured
        if miou < constant:
            return (
                f"Validation mean IoU ended at {miou:.1f} %, and one class for all pixels can reach "
                f"{constant:.1f} %; train longer or change optimizer.lr."
            )
        return None


def masks_of(batch: Batch) -> Tensor:
    """The masks of a batch, which every data set of this task has."""
    assert batch.masks is not None
    return batch.masks


def cross_entropy(logits: Tensor, masks: Tensor) -> Tensor:
    """Mean over all pixels that are not void, of logits (N, K, H, W) and masks (N, H, W); 0 if all are void.

    The loss is computed on a flat list, because torch's loss on maps sums in no fixed order on a GPU.
    """
    log_probabilities = logits.float().contiguous().log_softmax(1)  # contiguous: 4 times as fast on CPUs
    rows = log_probabilities.permute(0, 2, 3, 1).flatten(0, 2)
    return F.nll_loss(rows, masks.flatten(), ignore_index=-1, reduction="sum") / (masks >= 0).sum().clamp(min=1)
