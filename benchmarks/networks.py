"""The runs that the benchmarks train, from rows of a table, and the same networks trained by plain torch."""

import dataclasses
import io
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks.measuring import Place, Seconds, Side, clock
from nets.data.batches import Batch, Batches
from nets.machine.progress import Progress
from nets.run import Run
from nets.suite.expansion import load_runs
from nets.tasks.contract import Task
from nets.training.loop import Training
from nets.training.session import Session, build, open_data

CPU = torch.device("cpu")


def describe(row: str) -> Run:
    """The run of a row, its cells separated by blanks: model, data set, recipe, overrides."""
    model, dataset, recipe, *overrides = row.split()
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder, "bench.tsv")
        cells = "\t".join([model, dataset, "", recipe, "0", " ".join(overrides)])
        table.write_text(f"model\tdataset\tvariant\trecipe\tseeds\toverrides\n{cells}\n")
        return load_runs(table)[0]


class Contest:
    """A training of some epochs on a part of the data, to be done by the job's code and by plain torch."""

    def __init__(self, place: Place, row: str, epochs: int, count: int | None = None):
        """`count` images are learned from, all by default; no image is for validation."""
        run = describe(row)
        self.run = dataclasses.replace(run, recipe=dataclasses.replace(run.recipe, epochs=epochs))
        self.place, self.data_dir = place, place.data(run.dataset)
        self.task = self.build()
        opened, _ = open_data(self.session(), self.task)
        train, validation = opened["train"], opened["validation"]
        self.data = {"train": train.having(train.order[:count]), "validation": validation.having(train.order[:0])}
        self.steps = epochs * self.train.steps(self.task.batch_size)

    @property
    def train(self) -> Batches:
        """The images that are learned from."""
        return self.data["train"]

    def session(self) -> Session:
        """A session in a folder of its own, so that it finds no checkpoint."""
        return Session(self.run, Path(tempfile.mkdtemp(dir=self.place.folder)), self.data_dir, CPU)

    def build(self) -> Task:
        """The run's task with its first weights."""
        return build(self.session())

    def loop(self) -> Seconds:
        """Train as the job does: every step of every epoch, history, snapshots and the last checkpoint."""
        progress = Progress(self.run.name, terminal=io.StringIO())
        training = Training(self.build(), self.data, self.session().checkpoints, progress)
        return clock(training.run)

    def bare(self) -> Side:
        """Plain torch that takes as many steps, all on one batch that is ready."""
        batch = self.train.take(self.train.order[: self.task.batch_size])
        return self.plain(lambda: (batch for _ in range(self.steps)), torch.channels_last)

    def script(self, loader: Callable[[], Iterable[tuple[Tensor, Tensor]]]) -> Side:
        """Plain torch in its default memory format, on the epochs of a DataLoader that each training makes anew."""

        def batches() -> Iterator[Batch]:
            epoch = loader()
            for _ in range(self.run.recipe.epochs):
                for images, labels in epoch:
                    yield Batch(images, labels, labels)

        return self.plain(batches, torch.contiguous_format)

    def plain(self, batches: Callable[[], Iterable[Batch]], form: torch.memory_format) -> Side:
        """Plain torch on some batches, from the first weights."""
        step = STEPS[self.run.task]

        def side() -> Seconds:
            task = self.build()
            networks = task.networks.to(memory_format=form).train()  # type: ignore[call-overload]
            optimizers = task.optimizers

            def train() -> None:
                for batch in batches():
                    step(networks, optimizers, batch)

            return clock(train)

        return side


Optimizers = dict[str, torch.optim.Optimizer]


def classify(networks: nn.ModuleDict, optimizers: Optimizers, batch: Batch) -> None:
    """A step of a classifier."""
    descend(optimizers["classifier"], F.cross_entropy(networks["classifier"](batch.images), batch.labels))


def segment(networks: nn.ModuleDict, optimizers: Optimizers, batch: Batch) -> None:
    """A step of a network that classifies pixels."""
    descend(optimizers["segmenter"], F.cross_entropy(networks["segmenter"](batch.images), batch.masks))


def reconstruct(networks: nn.ModuleDict, optimizers: Optimizers, batch: Batch) -> None:
    """A step of an autoencoder by squared error, or of a VAE by cross-entropy and KL divergence."""
    network = networks["autoencoder"]
    code = network.encode(batch.images)
    if isinstance(code, tuple):
        mean, log_variance = code
        logits = network.decode(mean + (log_variance / 2).exp() * torch.randn_like(mean))
        error = F.binary_cross_entropy_with_logits(logits, batch.images, reduction="sum")
        divergence = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum()
        loss = (error + divergence) / len(batch.images)
    else:
        loss = F.mse_loss(network.decode(code).sigmoid(), batch.images)
    descend(optimizers["autoencoder"], loss)


def play(networks: nn.ModuleDict, optimizers: Optimizers, batch: Batch) -> None:
    """A step of a discriminator and one of its generator."""
    generator, discriminator = networks["generator"], networks["discriminator"]
    drawn = generator(torch.randn(len(batch.images), generator.latent_dim))
    real, generated = discriminator(batch.images), discriminator(drawn.detach())
    descend(optimizers["discriminator"], F.softplus(-real).mean() + F.softplus(generated).mean())
    discriminator.requires_grad_(False)
    descend(optimizers["generator"], F.softplus(-discriminator(drawn)).mean())
    discriminator.requires_grad_(True)


def descend(optimizer: torch.optim.Optimizer, loss: Tensor) -> None:
    """One step to minimise a loss."""
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


STEPS = {"classification": classify, "segmentation": segment, "reconstruction": reconstruct, "adversarial": play}
