"""Transfer learning: frozen weights keep their bits, features are the network's own, and there are two rates."""

import dataclasses
import io
import json

import numpy as np
import pytest
import torch
import yaml
from safetensors.torch import save_file
from torch import nn

from nets.data.batches import UNIT, Batches, PixelRange
from nets.data.preparation import prepare
from nets.data.prepared import open_split
from nets.data.weights import WeightsFile
from nets.errors import DataError, UserError
from nets.files import sha256
from nets.jobs import evaluate, train
from nets.machine.progress import Progress
from nets.run import write_runs
from nets.suite.expansion import load_runs
from nets.tasks import transfer
from nets.tasks.classification import Classification
from nets.tasks.reconstruction import Reconstruction
from nets.training.checkpoints import Checkpoints
from nets.training.loop import Training
from nets.training.numerics import choose_device
from nets.training.pretrained import load_start

HEADER = "model\tdataset\tvariant\trecipe\tseeds\toverrides\n"
NETWORK = {"class": "nets.models.cnn.CNN", "args": {"channels": [4, 8], "hidden": 16, "batch_norm": True}}
ENTRY = {"title": "Small", "task": "classification", "citation": "none", "networks": {"classifier": NETWORK}}
SHORT = "epochs=2 batch_size=32 schedule.name=cosine"
START = "options.pretrained=small-mnist5k_0to4"
CPU, GREY = torch.device("cpu"), PixelRange((0.1307,), (0.3081,))  # of MNIST


def load_rows(folder, *rows):
    """The runs of a table with these rows."""
    (folder / "my.tsv").write_text(HEADER + "\n".join(rows))
    return load_runs(folder / "my.tsv")


def keeping(run, kept=True):
    """A run whose start keeps its head, or does not."""
    return dataclasses.replace(run, pretrained=run.pretrained | {"keep_head": kept})


@pytest.fixture
def runs(tmp_path):
    """Runs by variant: "" learns digits 0 to 4; "features" and "tuned" start from it and learn digits 5 to 9."""
    (tmp_path / "models.yaml").write_text(yaml.safe_dump({"small": ENTRY}))
    rows = [
        f"small\tmnist5k_0to4\t\tlenet5\t0\t{SHORT}",
        f"small\tmnist5k_5to9\tfeatures\tfeature_extraction\t0\t{SHORT} {START}",
        f"small\tmnist5k_5to9\ttuned\tfine_tuning\t0\t{SHORT} augment.flip=false options.backbone_lr=0.2 {START}",
    ]
    return {run.variant: run for run in load_rows(tmp_path, *rows)}


@pytest.fixture
def training_of(few_digits, tmp_path):
    """A function from run and start weights to its training on a few digits of the run's classes."""

    def open_split(run, name, step):
        split, first = few_digits(name, 3500), 5 if run.dataset.endswith("5to9") else 0
        chosen = np.isin(split.labels[split.indices], range(first, first + 5))
        return dataclasses.replace(split, labels=split.labels - first, indices=split.indices[chosen][::step])

    def make(run, weights=None, folder="checkpoints", checkpoint_seconds=60.0):
        device = choose_device(1)
        torch.manual_seed(run.seed)
        splits = {"train": open_split(run, "train", 10), "validation": open_split(run, "validation", 5)}
        task = Classification(run, Classification.pixel_range(splits["train"].info), device)
        if weights:
            task.start_from(weights)
        data = {"train": Batches(splits["train"], task.pixels, device, run.recipe.augment)}
        data["validation"] = Batches(splits["validation"], task.pixels, device)
        data = task.view(data)
        checkpoints = Checkpoints(tmp_path / folder, run.digest, "cpu-float32")
        return Training(task, data, checkpoints, Progress(run.name, terminal=io.StringIO()), checkpoint_seconds)

    return make


@pytest.fixture
def weights(runs, training_of):
    """What the first run has learned."""
    training = training_of(runs[""], folder="source")
    training.run()
    return {name: value.clone() for name, value in training.task.networks.state_dict().items()}


def is_head(name):
    return name.startswith("classifier.classifier.4.")


@pytest.mark.parametrize("from_features", [True, False])
def test_the_frozen_part_does_not_move_by_a_bit(from_features, runs, training_of, weights, few_digits):
    training = training_of(runs["features"], weights)
    task = training.task
    if from_features:
        training.run()
    else:
        images = Batches(few_digits("train", 200), task.pixels, task.device)
        for batch in images.epoch(32, seed=0):
            task.step(batch._replace(labels=batch.labels % 5))
    after = task.networks.state_dict()
    assert any("running_var" in name for name in after)
    moved = {name for name in after if not torch.equal(after[name], weights[name])}
    assert moved == {name for name in after if is_head(name)}


def test_features_are_the_networks_own_and_kept(runs, training_of, weights, few_digits, monkeypatch):
    training = training_of(runs["features"], weights)
    task, data = training.task, training.data["train"]
    network = task.networks["classifier"].eval()
    wanted = {}
    head, network.classifier[4] = network.classifier[4], nn.Identity()
    images = Batches(dataclasses.replace(few_digits("train"), indices=data.order.numpy()), task.pixels, task.device)
    for batch in images.ordered(task.measured_at_once):
        wanted |= dict(zip(batch.indices.tolist(), network(batch.images).detach(), strict=True))
    network.classifier[4] = head
    monkeypatch.setattr(network.features, "forward", None)  # from here on, the backbone is not used
    for batch in data.epoch(32, seed=0):
        assert torch.equal(batch.images, torch.stack([wanted[index] for index in batch.indices.tolist()]))
        task.step(batch)
    assert task.validate(training.data["validation"])["top1"] > 0


@pytest.mark.parametrize("fits", [True, False])
def test_features_stay_on_the_device_only_where_they_fit(fits, few_digits, monkeypatch):
    """On the device `meta`, which has no numbers; jobs that share it share its memory."""
    device, asked = torch.device("meta"), []
    images = Batches(few_digits("train", 60), UNIT, CPU, jobs=2)
    images.device = device
    needed = 60 * 3 * 4
    monkeypatch.setattr(transfer, "room", lambda *where: asked.append(where) or needed + fits)
    seen = transfer.FeatureBatches(images, lambda batch: torch.ones(len(batch), 3), 25)
    assert asked == [(device, 2)]
    assert {seen.features.device, seen.labels.device, seen.rows.device} == {device if fits else CPU}
    batch = next(seen.epoch(20, seed=0))
    assert batch.images.shape == (20, 3) and batch.images.device == batch.labels.device == device


def test_fine_tuning_has_two_rates_under_the_schedule(runs, training_of, weights):
    training = training_of(runs["tuned"], weights)
    optimizer = training.task.optimizers["classifier"]
    rates = []
    step = training.task.step
    training.task.step = lambda batch: (rates.append([g["lr"] for g in optimizer.param_groups]), step(batch))[1]
    history = training.run().history
    assert len(rates) == 2 * training.steps_per_epoch and rates[0][0] == 0.02 > rates[1][0] > rates[-1][0] > 0
    assert all(backbone == pytest.approx(0.2 * head) for head, backbone in rates)
    assert history[-1]["lr/classifier"] == rates[-1][0]
    heads, backbone = (sum(p.numel() for p in group["params"]) for group in optimizer.param_groups)
    assert heads == 16 * 5 + 5
    assert heads + backbone == sum(p.numel() for p in training.task.networks.parameters())
    after = training.task.networks.state_dict()
    assert not any(torch.equal(after[name], weights[name]) for name in after)


@pytest.mark.parametrize("variant", ["features", "tuned"])
def test_broken_off_and_continued_the_same_bits(variant, runs, training_of, weights, monkeypatch):
    monkeypatch.setattr("nets.training.loop.CHECK_EVERY", 1)

    def outcome(training):
        history = [{k: v for k, v in row.items() if k != "seconds"} for row in training.run().history]
        return training.task.networks.state_dict(), history

    whole = outcome(training_of(runs[variant], weights, "whole"))
    broken = training_of(runs[variant], weights, "broken", checkpoint_seconds=0)
    step, calls = broken.task.step, iter(range(5))

    def failing(batch):
        if next(calls, None) is None:
            raise KeyboardInterrupt
        return step(batch)

    broken.task.step = failing
    with pytest.raises(KeyboardInterrupt):
        broken.run()
    continued = training_of(runs[variant], weights, "broken")
    assert continued.state.resumed == 1 and continued.state.step > 0
    resumed = outcome(continued)
    assert resumed[1] == whole[1]
    assert all(torch.equal(resumed[0][name], whole[0][name]) for name in whole[0])


def test_the_head_is_new_unless_the_start_keeps_it(runs, weights):
    for kept in (False, True):
        torch.manual_seed(1)
        task = Classification(keeping(runs["tuned"], kept), UNIT, CPU)
        task.start_from(weights)
        equal = {name: torch.equal(value, weights[name]) for name, value in task.networks.state_dict().items()}
        assert all(equal[name] == (kept or not is_head(name)) for name in equal)


def test_weights_that_do_not_fit(runs, weights):
    task, first = Classification(runs["tuned"], UNIT, CPU), "classifier.features.0.weight"
    count, size = len(weights), "x".join(map(str, weights[first].shape))
    tensors = f"tensors for the network's {count}, and"
    for state, words in (
        (
            weights | {first: torch.zeros(4, 3, 3, 3)},
            f"features.0.weight is 4x3x3x3 in the file and {size} in the network",
        ),
        (
            {name: value for name, value in weights.items() if "features.0." not in name},
            f"the file has {count - 2} {tensors} lacks features.0.bias and 1 more",
        ),
        (weights | {"classifier.x.y": torch.ones(1)}, f"the file has {count + 1} {tensors} has besides x.y"),
    ):
        with pytest.raises(UserError) as error:
            task.start_from(state)
        start = "The weights of small-mnist5k_0to4-s0 don't fit the network: "
        assert str(error.value) == f"{start}{words}; choose others."


def inside(key):
    return lambda state: {key: state, "epoch": 7, "optimizer": {"lr": 0.1}}


def prefixed(prefix):
    return lambda state: {prefix + name: value for name, value in state.items()}


FORMS = {  # how training programs save one network
    "bare": lambda state: state,
    "timm": inside("state_dict"),
    "model": inside("model"),
    "model_state_dict": inside("model_state_dict"),
    "DataParallel": prefixed("module."),
    "torch.compile": prefixed("_orig_mod."),
    "both, Lightning": lambda state: inside("state_dict")(prefixed("model._orig_mod.module.")(state)),
    "half precision": lambda state: {
        n: value.half() if value.is_floating_point() else value for n, value in state.items()
    },
    "old torch": lambda state: {name: value for name, value in state.items() if "num_batches_tracked" not in name},
}


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
@pytest.mark.parametrize("form", FORMS)
def test_what_training_programs_save_is_unwrapped(form, suffix, runs, tmp_path):
    run = keeping(runs["tuned"])
    torch.manual_seed(1)
    source = Classification(run, UNIT, CPU).networks["classifier"].state_dict()
    saved, path = FORMS[form](source), tmp_path / f"net{suffix}"
    if suffix == ".pth":
        torch.save(saved, path)
    elif all(isinstance(value, torch.Tensor) for value in saved.values()):
        save_file({name: value.contiguous() for name, value in saved.items()}, path)
    else:
        pytest.skip("safetensors hold tensors alone")
    task = Classification(run, UNIT, CPU)
    task.start_from(load_start(WeightsFile("ok", None, path, sha256(path)), "weights"))
    for name, value in task.networks["classifier"].state_dict().items():
        if "num_batches_tracked" not in name:
            torch.testing.assert_close(value, source[name], rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("saved", [{"epoch": 1}, [1, 2], {"state_dict": {}}, torch.ones(2)])
def test_a_file_without_a_state_dict_is_one_sentence(saved, tmp_path):
    torch.save(saved, tmp_path / "net.pth")
    with pytest.raises(DataError, match=r"net.pth holds no state_dict .tensors by name.; save the network's"):
        WeightsFile("ok", None, tmp_path / "net.pth", sha256(tmp_path / "net.pth")).tensors()


def test_images_are_seen_as_the_start_knew_them():
    from torchvision.transforms.functional import normalize, resize

    pixels = torch.rand(3, 1, 28, 28)
    start = {"shape": [3, 64, 64], "mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]}
    adapted = transfer.adapt(GREY.apply(pixels), GREY, start)
    wanted = normalize(resize(pixels, [64, 64], antialias=True).expand(-1, 3, -1, -1), start["mean"], start["std"])
    torch.testing.assert_close(adapted, wanted, rtol=1e-4, atol=1e-5)
    same = {"shape": [1, 28, 28], "mean": None, "std": None}
    assert torch.equal(transfer.adapt(pixels, GREY, same), pixels)


@pytest.fixture
def from_encoder(tmp_path):
    """A function from a recipe to a classifier that is to start from an encoder, and the untrained autoencoder."""

    def make(recipe, more=""):
        size = "model.widths=[4,8] model.latent_dim=6"
        source, run = load_rows(
            tmp_path,
            f"conv_autoencoder\tmnist5k\t\tconv_autoencoder\t0\t{size}",
            f"encoder_classifier\tmnist5k_1pct\tstarted\t{recipe}\t0\t{size} "
            f"options.pretrained=conv_autoencoder-mnist5k {more}",
        )
        torch.manual_seed(0)
        autoencoder = Reconstruction(source, UNIT, CPU)
        return Classification(run, GREY, CPU), autoencoder

    return make


def test_a_classifier_starts_from_an_autoencoders_encoder_and_sees_its_pixels(from_encoder, few_digits):
    task, autoencoder = from_encoder("few_labels", "options.transfer=fine_tuning")
    head = task.networks["classifier"].head.weight.clone()
    task.start_from(autoencoder.networks.state_dict())
    known, own = autoencoder.networks["autoencoder"], task.networks["classifier"]
    assert torch.equal(own.head.weight, head)
    codes = []
    own.encoder.register_forward_hook(lambda module, inputs, output: codes.append(output))
    split = few_digits("test", 32)
    for pixels, hold in ((GREY, task.forward), (UNIT, known.encode)):
        (batch,) = Batches(split, pixels, CPU).ordered()
        output = hold(batch.images)
    torch.testing.assert_close(codes[0], output, rtol=1e-4, atol=1e-5)


def test_codes_reach_a_new_head_normalised(from_encoder, few_digits):
    task, autoencoder = from_encoder("feature_extraction")
    task.start_from(autoencoder.networks.state_dict())
    data = {name: Batches(few_digits(name, 700), task.pixels, CPU) for name in ("train", "validation")}
    network, views = task.networks["classifier"], task.view(data)
    (batch,) = Batches(few_digits("train", 700), UNIT, CPU).ordered(700)
    with torch.no_grad():
        codes = network.encoder(batch.images)
    wanted = nn.functional.batch_norm(codes, None, None, training=True).relu()
    found = torch.cat([each.images for each in views["train"].ordered()])
    torch.testing.assert_close(found, wanted, rtol=1e-3, atol=1e-3)
    theirs = nn.BatchNorm1d(6, momentum=1.0).train()
    theirs(codes)
    for name in ("running_mean", "running_var"):
        torch.testing.assert_close(getattr(network.norm, name), getattr(theirs, name), rtol=1e-3, atol=1e-4)


def test_statistics_that_the_start_has_are_kept(runs, training_of, weights):
    training = training_of(runs["features"], weights)
    after = training.task.networks.state_dict()
    assert all(torch.equal(after[name], weights[name]) for name in after if "running_" in name)


@pytest.fixture
def student(tmp_path, catalogue):
    """A task that learns from 35 labels and those that its teacher gives, the teacher, and the prepared data."""
    rows = [
        "lenet5\tmnist5k_1pct\t\tfew_labels\t1\tepochs=20 batch_size=7 optimizer.lr=0.003",
        "lenet5\tmnist5k_1pct\tstudent\tfew_labels_encoder_self_training\t1\tepochs=1 batch_size=50 "
        "options.pretrained=lenet5-mnist5k_1pct",
    ]
    source, run = load_rows(tmp_path, *rows)
    prepare("mnist5k_1pct", catalogue["mnist5k_1pct"], tmp_path / "data")
    torch.manual_seed(5)
    teacher = Classification(source, GREY, CPU)
    torch.manual_seed(run.seed)
    return Classification(run, GREY, CPU), teacher, tmp_path / "data"


def test_a_student_learns_true_labels_and_those_of_which_its_teacher_is_sure(student):
    task, teacher, folder = student
    before = {name: value.clone() for name, value in task.networks.state_dict().items()}
    task.start_from(teacher.networks.state_dict())
    split = open_split(folder, "train", seed=1)
    data = {"train": Batches(split, task.pixels, task.device, {"crop_padding": 2})}
    data["validation"] = Batches(open_split(folder, "validation"), task.pixels, task.device)
    pixels = (torch.from_numpy(split.images[split.unlabelled]).float() / 255 - 0.1307) / 0.3081
    with torch.no_grad():
        probability, classes = teacher.networks["classifier"].eval()(pixels).softmax(1).max(1)
    task.options["confidence"] = (probability.sort().values[1000:1002].mean()).item()
    views = task.view(data)
    assert all(torch.equal(value, before[name]) for name, value in task.networks.state_dict().items()), "it is new"
    sure = probability.argsort()[1001:].numpy()
    wanted = {row: split.labels[row] for row in split.indices}
    wanted |= {split.unlabelled[i]: classes[i].item() for i in sure}
    view = views["train"]
    assert {row.item(): view.labels[row].item() for row in view.order} == wanted
    assert len(view.order) == len(wanted) and view.augmentation == {"crop_padding": 2}
    assert views["validation"] is data["validation"]
    assert (data["train"].labels[data["train"].unlabelled] == -1).all(), "the split itself is as it was"


def test_self_training_end_to_end(student, tmp_path):
    task, _, folder = student
    found = load_runs(tmp_path / "my.tsv")
    names = [run.name for run in found]
    write_runs(found, tmp_path / "runs.jsonl")
    for name, start in zip(names, ([], ["--pretrained", str(tmp_path / names[0] / "manifest.json")]), strict=True):
        (tmp_path / name).mkdir()
        job = ["--run-dir", str(tmp_path / name), "--data-dir", str(folder)]
        assert train.main([*job, "--runs-from", str(tmp_path / "runs.jsonl"), *start]) == 0
        assert evaluate.main(job) == 0
    teacher, student = (json.loads((tmp_path / name / "manifest.json").read_text()) for name in names)
    assert teacher["data"]["images"] == 35 < student["data"]["images"]
    assert teacher["data"]["sha256"] == student["data"]["sha256"], "the same images have labels"
    best = teacher["weights"]["best"]
    assert student["pretrained"] == {"name": names[0], "file": "best.safetensors", "sha256": best["sha256"]}
