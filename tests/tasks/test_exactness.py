"""Every convolution of every suite, forward and backward, against float64 on this processor."""

import dataclasses
import os
import signal
import time
from functools import cache
from unittest import mock

import pytest
import torch

from nets.data.batches import Batch
from nets.run import Run
from nets.suite.catalogues import ROOT
from nets.suite.expansion import load_runs
from nets.suite.table import read_table
from nets.tasks import contract, exactness, task_class
from nets.tasks.convolutions import Convolution, Recording, known_bad
from nets.tasks.exactness import verify

META = torch.device("meta")  # where networks have shapes and no numbers
FOR_GPUS = ("full",)
FOR_CPUS = tuple(path.stem for path in sorted((ROOT / "config").glob("*.tsv")) if path.stem not in FOR_GPUS)
PLAIN = Convolution((2, 4, 8, 8), (6, 4, 3, 3), True, (1, 1), (1, 1), (1, 1), False, (0, 0), 1, True)

runs_of = cache(lambda suite: load_runs(ROOT / f"config/{suite}.tsv"))
verified = cache(verify)


def models(suites: tuple[str, ...]) -> list[str]:
    """The models that the suites' rows name."""
    return sorted({cells["model"] for suite in suites for _, cells in read_table(ROOT / f"config/{suite}.tsv")})


def convolutions(suites: tuple[str, ...], model: str) -> set[Convolution]:
    """Those of a model's runs, each kind of run once."""
    runs = [run for suite in suites for run in runs_of(suite) if run.model == model]
    kinds = {(repr(run.networks), run.input_shape, run.num_classes): run for run in runs}
    return {convolution for run in kinds.values() for convolution in record(run)}


def record(run: Run) -> set[Convolution]:
    """Those of a run's networks, mended as each task mends them."""
    kind, build, grey = task_class(run), contract.build_network, (0.5,) * run.shape[0]

    def build_on_meta(*arguments):
        with META:
            return build(*arguments)

    with mock.patch.object(contract, "build_network", build_on_meta):
        task = kind(run, kind.pixel_range({"mean": grey, "std": grey}), META)
    found = set(task.convolutions())
    if run.recipe.options.get("gradient_penalty"):  # whose gradient has convolutions of its own
        images = torch.zeros(2 * run.recipe.options["n_critic"], *run.shape, device=META)
        with Recording() as recorded:
            task.step(Batch(images, None, None))
        found |= set(recorded.found)
    return found


def shorter(size: int) -> int:
    """Fewer blocks of channels or pixels, and the same remainder: kernels differ by the latter."""
    return size if size <= 32 else 32 + size % 32


def cut(convolution: Convolution) -> Convolution:
    """A small convolution that the same kernels compute."""
    n, channels, height, width = convolution.images
    first, second, *kernel = convolution.weight
    groups = shorter(convolution.groups)
    if groups == 1:
        channels, first, second = shorter(channels), shorter(first), shorter(second)
    else:
        channels, first = (size // convolution.groups * groups for size in (channels, first))
    least = 1 if convolution.transposed else 1 + max(convolution.dilation) * (max(kernel) - 1)
    images = n, channels, max(shorter(height), least), max(shorter(width), least)
    return dataclasses.replace(convolution, images=images, weight=(first, second, *kernel), groups=groups)


def check(found: set[Convolution]) -> None:
    assert not [str(convolution) for convolution in found if known_bad(convolution)]
    answers = {convolution: verified(convolution) for convolution in found}
    assert not {str(convolution): wrong for convolution, wrong in answers.items() if wrong}


class TestSuitesForCpus:
    @pytest.mark.parametrize("model", models(FOR_CPUS))
    def test_every_convolution_is_right(self, model):
        check(convolutions(FOR_CPUS, model))


class TestSuitesForGpus:
    """Wide networks on large images, so cut: whole they would take an hour here."""

    @pytest.mark.parametrize("model", models(FOR_GPUS))
    def test_every_convolution_is_right(self, model):
        check({cut(convolution) for convolution in convolutions(FOR_GPUS, model)})


class TestVerify:
    def test_right(self):
        assert verify(PLAIN) is None

    @pytest.mark.parametrize(
        ("fault", "said"),
        [
            (lambda *_: os.abort(), "it crashes (SIGABRT)"),
            (lambda *_: os.kill(os.getpid(), signal.SIGSEGV), "it crashes (SIGSEGV)"),
            (lambda *_: time.sleep(60), "it hangs (more than 1 s)"),
            (lambda *_: 1 / 0, "it raises ZeroDivisionError: division by zero"),
            (lambda *_: os._exit(3), "it ends with status 3"),
        ],
    )
    def test_ends_of_a_process(self, monkeypatch, fault, said):
        monkeypatch.setattr(exactness, "SECONDS", 1)
        monkeypatch.setattr(exactness, "compare", fault)
        assert verify(PLAIN) == said

    @pytest.mark.parametrize(("which", "name"), list(enumerate(exactness.NAMES)))
    @pytest.mark.parametrize("wrong", [1.001, float("nan")])
    def test_wrong_numbers(self, monkeypatch, which, name, wrong):
        compute = exactness.compute

        def compute_wrong(convolution, dtype):
            found = compute(convolution, dtype)
            if dtype == torch.float32:
                found[which] = found[which] * wrong
            return found

        monkeypatch.setattr(exactness, "compute", compute_wrong)
        assert verify(PLAIN).startswith(f"its {name} is wrong by {wrong - 1:.1g} of the largest value")
