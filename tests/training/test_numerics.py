"""Numbers are measured in float32, whatever training uses; GPUs don't round it to TF32; files say what was used."""

import json

import numpy as np
import pytest
import torch

from nets.data.batches import Batches
from nets.evaluation import TrainedRun, evaluate
from nets.fidelity.extractors import load_extractor
from nets.tasks import task_class
from nets.tasks.contract import Generator
from nets.tasks.precision import Precision, float32_switches, forked
from nets.training import loop, session
from nets.training.numerics import choose_device
from nets.training.session import Session

CPU, GPU = torch.device("cpu"), torch.device("cuda")
MIXED = Precision(torch.bfloat16)
MODELS = {
    "lenet5": "",
    "vae": "model.widths=[32]",
    "unet": "model.width=4 model.depth=1",
    "dcgan": "model.width=4",
    "ddpm": "options.timesteps=3 model.width=4 model.multipliers=[1,2] model.blocks=1 model.attention=[]",
}


def networks_of(task):
    return {name: value.clone() for name, value in task.networks.state_dict().items()}


def same(first: dict, second: dict) -> bool:
    return first.keys() == second.keys() and all(np.array_equal(first[n], second[n], equal_nan=True) for n in first)


@pytest.mark.parametrize("model", MODELS)
def test_what_is_measured_in_mixed_precision_is_float32_to_the_bit(model, run_of, few_digits):
    run = run_of(model, f"batch_size=8 {MODELS[model]}", dataset="digit_scenes" if model == "unet" else "mnist5k")
    kind, masks = task_class(run), model == "unet"
    pixels = kind.pixel_range(few_digits("train", masks=masks).info)
    data = {split: Batches(few_digits(split, 40, masks), pixels, CPU) for split in ("train", "validation")}
    plain, mixed = kind(run, pixels, CPU), kind(run, pixels, CPU, MIXED)
    mixed.networks.load_state_dict(networks_of(plain))
    for task in (plain, mixed):
        torch.manual_seed(0)
        task.learn(next(data["train"].epoch(task.batch_size, seed=0)))
    assert not same(networks_of(plain), networks_of(mixed))  # mixed precision is at work
    plain.networks.load_state_dict(networks_of(mixed))
    assert plain.validate(data["validation"]) == mixed.validate(data["validation"])
    ours, theirs = (task.evaluate(data["validation"]) for task in (plain, mixed))
    assert ours.metrics == theirs.metrics and same(ours.arrays, theirs.arrays)
    snapshots = [task.snapshot(data["validation"]) for task in (plain, mixed)]
    assert snapshots[0] is None or torch.equal(*snapshots)
    if isinstance(plain, Generator):
        assert torch.equal(plain.sample(20, seed=1), mixed.sample(20, seed=1))
        assert torch.equal(plain.draft(20, seed=1), mixed.draft(20, seed=1))


def test_frozen_features_are_float32(run_of, few_digits):
    run = run_of("lenet5")
    run.recipe.options["transfer"] = "feature_extraction"
    kind, split = task_class(run), few_digits("train", 40)
    pixels = kind.pixel_range(split.info)
    plain, mixed = kind(run, pixels, CPU), kind(run, pixels, CPU, MIXED)
    mixed.networks.load_state_dict(networks_of(plain))
    data = {part: Batches(split, pixels, CPU) for part in ("train", "validation")}
    assert torch.equal(*(task.view(data)["train"].features for task in (plain, mixed)))


def test_a_failed_step_does_not_leave_mixed_precision_on(run_of, few_digits):
    run = run_of("lenet5")
    task = task_class(run)(run, task_class(run).pixel_range(few_digits("train").info), CPU, MIXED)
    seen = []

    def fail(batch):
        with task.autocast():
            seen.append(torch.is_autocast_enabled("cpu"))
        raise KeyError

    task.step = fail
    with pytest.raises(KeyError):
        task.learn(None)
    with task.autocast():
        assert [*seen, torch.is_autocast_enabled("cpu")] == [True, False]


def test_extractors_read_in_float32_inside_autocast_too(extractor_run, digits):
    extractor = load_extractor(extractor_run, digits, CPU)
    images = torch.randint(256, (8, 1, 28, 28), dtype=torch.uint8)
    plain = extractor.read(images)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        inside = extractor.read(images)
    assert torch.equal(plain.features, inside.features) and torch.equal(plain.logits, inside.logits)
    assert extractor.passport["number_type"] == "float32"


def test_files_say_in_which_number_type_a_run_was_trained_and_measured(run_of, few, tmp_path, monkeypatch):
    run = run_of("lenet5", "epochs=1")
    opened = Session(run, tmp_path / run.name, few, CPU)
    opened.folder.mkdir()
    (opened.folder / "config.json").write_text(run.to_json())
    monkeypatch.setattr(session, "choose_precision", lambda wanted, device: MIXED)
    session.train(opened)
    evaluate(TrainedRun(opened.folder, few, [], CPU))
    manifest, metrics = (json.loads((opened.folder / f"{name}.json").read_text()) for name in ("manifest", "metrics"))
    assert (manifest["precision"], metrics["precision"]) == ("bfloat16", "float32")
    assert opened.checkpoints.kind == "cpu-bfloat16"


def test_a_job_forbids_tf32_and_a_network_that_allows_it_again_is_found_out():
    switches = float32_switches()
    before = [switch.fp32_precision for switch in switches]
    try:
        for switch in switches:
            switch.fp32_precision = "tf32"
        assert Precision().name(GPU) == "tf32"
        assert (Precision().name(CPU), MIXED.name(GPU)) == ("float32", "bfloat16")
        choose_device(1)
        assert [switch.fp32_precision for switch in switches] == ["ieee"] * 3
        assert Precision().name(GPU) == "float32"
        switches[1].fp32_precision = "tf32"
        assert Precision().name(GPU) == "tf32"
    finally:
        for switch, value in zip(switches, before, strict=True):
            switch.fp32_precision = value


def test_checkpoints_hold_the_generators_of_their_own_device_alone():
    torch.manual_seed(3)
    state = loop.random_state(CPU)
    assert list(state) == ["cpu"]
    drawn = torch.rand(3)
    torch.rand(5)
    loop.set_random_state(state, CPU)
    assert torch.equal(torch.rand(3), drawn)


def test_numbers_drawn_aside_leave_those_outside_alone():
    torch.manual_seed(3)
    expected = torch.rand(3)
    torch.manual_seed(3)
    with forked(CPU):
        torch.manual_seed(7)
        torch.rand(5)
    assert torch.equal(torch.rand(3), expected)
