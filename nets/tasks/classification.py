"""Classification: a network maps images to logits; cross-entropy, top-k accuracy."""

import copy
from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from nets.data.batches import Batch, Batches, PixelRange, at_once
from nets.data.prepared import majority
from nets.metrics import classification as metrics
from nets.tasks import transfer
from nets.tasks.contract import Evaluation, Outputs, Selection, Task
from nets.tasks.gradients import layer_gradients
from nets.tasks.gradients import study as study_gradients
from nets.tasks.macs import count_macs
from nets.tasks.precision import forked

BEGINNING = 5000  # training images that a network may look at before the first step
STUDIED = 250  # training images whose gradient is measured
WORST = 24  # wrongly classified images that are kept for the figures
LEARNED = 0.05  # share of the way from chance to 100 %; a classifier that ends below it has learned nothing


class Classification(Task):
    """One network, `classifier`: (N, C, H, W) standardised images to (N, K) logits.

    In training a network may return a tuple: its logits, then those of auxiliary heads (GoogLeNet), whose losses are
    added with weight `options.auxiliary_weight`. If it has a method `initialise_from`, and starts from no other
    weights, that gets some training images, drawn by the run's seed, before the first step. `nets.tasks.transfer`
    explains `options.transfer`, what is done with pretrained weights.
    """

    selection = Selection("top1", "higher")
    measured = ("last", "best")
    new: frozenset[str] = frozenset()  # weights and statistics that a start does not give
    teacher: dict[str, Tensor]  # the weights of the start, for self_training

    @staticmethod
    def pixel_range(info: dict[str, Any]) -> PixelRange:
        return PixelRange(tuple(info["mean"]), tuple(info["std"]))

    def arguments(self, role: str) -> dict[str, Any]:
        channels, height, _ = self.run.input_shape
        return {"in_channels": channels, "image_size": height, "num_classes": self.run.num_classes}

    @property
    def frozen(self) -> bool:
        """Whether only the head learns."""
        return self.options["transfer"] == "feature_extraction"

    def parameters(self, role: str, lr: float) -> Iterable[Any]:
        network = self.networks[role]
        if self.frozen:
            transfer.freeze_backbone(network)
            return transfer.last_linear(network).parameters()
        if self.options["transfer"] == "fine_tuning":
            return transfer.parameter_groups(network, lr, self.options["backbone_lr"])
        return super().parameters(role, lr)

    def outputs(self, images: Tensor) -> Outputs:
        yield "classifier", self.forward(images), (2, self.run.num_classes)

    def start_from(self, weights: dict[str, Tensor]) -> None:
        assert self.run.pretrained is not None
        if self.options["transfer"] == "self_training":
            self.teacher = weights
        else:
            self.new = frozenset(transfer.load_start(self.networks, weights, self.run.pretrained))

    def view(self, data: dict[str, Batches]) -> dict[str, Batches]:
        if hasattr(network := self.networks["classifier"], "initialise_from") and not self.run.pretrained:
            network.initialise_from(self.some(data["train"]))
        if self.frozen:
            network, size = self.networks["classifier"], self.measured_at_once
            transfer.settle_norms(self.networks, self.new, self.forward, data["train"], size)
            features = transfer.inputs_of(transfer.last_linear(network), network, self.forward)
            return data | {
                name: transfer.FeatureBatches(split, features, size) for name, split in data.items() if len(split)
            }
        if self.options["transfer"] == "self_training":
            return data | {"train": self.pseudo_labelled(data["train"])}
        return data

    def some(self, data: Batches) -> Tensor:
        """Images (N, C, H, W) of a split, at most BEGINNING, drawn by the run's seed, in its own random order."""
        dice = torch.Generator().manual_seed(self.run.seed)
        return data.take(data.order[torch.randperm(len(data), generator=dice)[:BEGINNING]]).images

    def pseudo_labelled(self, data: Batches) -> Batches:
        """Training images with labels, and those without for which the teacher is sure of a class, with that label."""
        assert self.run.pretrained is not None
        own = copy.deepcopy(self.networks.state_dict())
        transfer.load_start(self.networks, self.teacher, self.run.pretrained)
        logits, _ = self.predict(data.having(data.unlabelled))
        self.networks.load_state_dict(own)
        del self.teacher
        rows, classes = transfer.confident(logits, self.options["confidence"])
        chosen, labels = data.unlabelled[rows], data.labels.clone()
        labels[chosen.to(labels.device)] = classes[rows].to(labels.device)
        return data.having(torch.cat([data.order, chosen]), labels)

    def forward(self, inputs: Tensor) -> Tensor | tuple[Tensor, ...]:
        """The network's outputs for images (N, C, H, W), or for features (N, D), the input of its head."""
        network = self.networks["classifier"]
        with self.autocast():
            if inputs.ndim == 2:
                return transfer.last_linear(network)(inputs)
            if self.run.pretrained:
                inputs = transfer.adapt(inputs, self.pixels, self.run.pretrained)
            return network(inputs)

    def step(self, batch: Batch) -> dict[str, Tensor]:
        self.networks.train(not self.frozen)
        outputs = self.forward(batch.images)
        logits, *auxiliary = outputs if isinstance(outputs, tuple) else (outputs,)
        loss = main = self.loss(logits, batch.labels)
        for head in auxiliary:
            loss = loss + self.options["auxiliary_weight"] * self.loss(head, batch.labels)
        self.update("classifier", loss)
        correct = logits.detach().argmax(1).eq(batch.labels).float().mean()
        return {"loss": main.detach(), "top1": 100 * correct}

    def loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Cross-entropy with the recipe's label smoothing, in nats."""
        return F.cross_entropy(logits.float(), labels, label_smoothing=self.options["label_smoothing"])

    def validate(self, data: Batches) -> dict[str, float]:
        logits, labels = self.predict(data)
        return {"loss": metrics.nll(logits, labels), "top1": metrics.top_k(logits, labels, 1)}

    def evaluate(self, data: Batches) -> Evaluation:
        logits, labels = self.predict(data)
        predicted = logits.argmax(1)
        confusion = metrics.confusion_matrix(predicted, labels, self.run.num_classes)
        arrays = {"confusion": confusion.numpy(), "predicted": predicted.numpy(), "labels": labels.numpy()}
        arrays |= self.worst(data, logits, labels)
        return Evaluation(metrics.METRICS.measure(logits, labels), arrays, metrics.BY_CLASS.measure(logits, labels))

    def study(self, train: Batches, test: Batches) -> dict[str, Evaluation]:
        found = {"train": Evaluation({}), "test": Evaluation({})}
        if self.asked("training"):
            found["train"].metrics |= metrics.METRICS.measure(*self.predict(train))
        if self.asked("gradients"):
            gradients = study_gradients(self.untrained(train).gradients(train), self.gradients(train))
            found["train"] = Evaluation(found["train"].metrics | gradients.metrics, gradients.arrays)
        if self.asked("classes"):
            found["test"].arrays |= by_classes(*self.predict(test))
        return found

    def untrained(self, train: Batches) -> "Classification":
        """The same task before its first step, if it starts from random weights."""
        with forked(self.device):
            torch.manual_seed(self.run.seed)
            task = type(self)(self.run, self.pixels, self.device)
        task.view({"train": train})
        return task

    def gradients(self, train: Batches) -> dict[str, float]:
        """The gradient of the loss of some training images in each layer, in training mode; see `layer_gradients`."""

        def loss() -> Tensor:
            outputs = self.forward(batch.images)
            return self.loss(outputs[0] if isinstance(outputs, tuple) else outputs, batch.labels)

        batch = train.take(train.order[torch.linspace(0, len(train) - 1, min(STUDIED, len(train))).long()])
        with self.trial(), torch.enable_grad():
            torch.manual_seed(self.run.seed)
            return layer_gradients(self.networks["classifier"], loss)

    def worst(self, data: Batches, logits: Tensor, labels: Tensor) -> dict[str, np.ndarray]:
        """The misclassified images with the highest losses, worst first, and what the network took them for."""
        losses = F.cross_entropy(logits, labels, reduction="none")
        wrong = logits.argmax(1).ne(labels).nonzero().flatten()
        chosen = wrong[losses[wrong].argsort(descending=True, stable=True)[:WORST]]
        probability, predicted = logits[chosen].softmax(1).max(1)
        images = self.pixels.invert(data.take(data.order[chosen]).images).cpu().contiguous()
        return {
            "worst_images": images.numpy(),
            "worst_true": labels[chosen].numpy(),
            "worst_predicted": predicted.numpy(),
            "worst_probability": probability.numpy(),
        }

    @property
    def measured_at_once(self) -> int:
        """Batch size where nothing is learned: as many images as fit into memory."""
        return at_once(500, self.device) if self.run.input_shape[-1] <= transfer.LARGE else 50

    @torch.no_grad()
    def predict(self, data: Batches) -> tuple[Tensor, Tensor]:
        """Logits (N, K) float32 and labels (N,) of a whole split, on the CPU."""
        self.networks.eval()
        logits, labels = [], []
        for batch in data.ordered(self.measured_at_once):
            logits.append(self.logits(batch.images))
            labels.append(batch.labels)
        return torch.cat(logits).cpu(), torch.cat(labels).cpu()

    def answer(self, images: Tensor) -> Tensor:
        """The probabilities (N, K) of the classes."""
        return self.logits(images).softmax(1)

    def logits(self, images: Tensor) -> Tensor:
        """Logits (N, K) float32, in evaluation mode, where auxiliary heads are silent."""
        outputs = self.forward(images)
        assert isinstance(outputs, Tensor)
        return outputs.float()

    def macs(self) -> dict[str, int]:
        image = torch.zeros(1, *self.run.input_shape, device=self.device)
        return {"classifier": count_macs(self.networks["classifier"], image)}

    def failure(self, history: list[dict[str, float]], info: dict[str, Any]) -> str | None:
        if self.options.get("accept_chance"):
            return None
        # With a moving average, validation measures the averaged weights, and training those of the steps. Without one,
        # validation at chance after a training that is not means overfitting: a result.
        columns = {"train": "train/top1"} | ({"validation": "validation/top1"} if self.run.recipe.ema else {})
        for split, column in columns.items():
            chance = 100 * max(1 / self.run.num_classes, majority(info, split))
            if (top1 := history[-1].get(column, 100)) < chance + LEARNED * (100 - chance):
                return (
                    f"{'Training' if split == 'train' else 'Validation'} top-1 ended at {top1:.1f} %, near the "
                    f"{chance:.1f} % of chance, or of always answering the most frequent class; "
                    "give it more epochs, or another optimizer.lr (lower if its loss jumps)."
                )
        return None


def by_classes(logits: Tensor, labels: Tensor) -> dict[str, np.ndarray]:
    """Top-1 and top-5 of logits (N, K) among the first classes alone, over their number (C,), up to a dozen of them.

    Images of other classes are left out, and so are their logits.
    """
    most = logits.shape[1]
    counts = sorted({round(count) for count in np.geomspace(2, most, min(most - 1, 12))} | set(range(2, min(most, 10))))
    rows = [(logits[labels < count, :count], labels[labels < count]) for count in counts]
    accuracies = {f"top{k}_by_classes": np.array([metrics.top_k(*row, k) for row in rows]) for k in (1, 5)}
    return {"classes_counted": np.array(counts)} | accuracies
