"""Weights that others trained: located, verified, or a hole with its reason if they are not available."""

import io
import json
import os
import re

import pytest
import torch
import yaml
from torchvision import models

from nets.data import weights as fetched
from nets.data.weights import WeightsFile, fetch, hole, pin_of
from nets.errors import ConfigError, DataError
from nets.fidelity.extractors import load_extractor
from nets.files import sha256
from nets.jobs.weights import main
from nets.suite.catalogues import ROOT, check_catalogue, digits_of
from nets.suite.expansion import load_runs
from nets.suite.published import load_published


@pytest.fixture
def place(tmp_path_factory, monkeypatch):
    """An empty `$NETS_DATA` and `$TORCH_HOME`, and no network."""
    tmp_path = tmp_path_factory.mktemp("weights")
    monkeypatch.setenv("NETS_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setenv("NETS_OFFLINE", "1")
    return tmp_path


@pytest.fixture
def entry(place):
    """The entry of a small file."""
    (place / "file.pth").write_bytes(b"weights")
    digest = sha256(place / "file.pth")
    name = f"net-{digest[:8]}.pth"
    return {"title": "Weights", "url": f"https://example.org/{name}", "sha256": digest}, name, digest


@pytest.mark.parametrize("folder", ["data/weights", "torch/hub/checkpoints"])
def test_from_a_folder(folder, entry, place):
    entry, name, digest = entry
    (place / folder).mkdir(parents=True)
    (place / "file.pth").rename(place / folder / name)
    assert fetch(entry) == WeightsFile("ok", None, place / folder / name, digest)


def test_from_a_given_file_or_one_that_the_catalogue_names(entry, place):
    entry, _, digest = entry
    assert fetch(entry, place / "file.pth").sha256 == digest
    assert fetch(entry | {"url": str(place / "file.pth")}).sha256 == digest
    missing = fetch(entry | {"url": "elsewhere/net.pth"}).reason
    assert missing == "Weights should be in elsewhere/net.pth; put it there and run with RETRY=1."


def test_without_a_network(entry, place):
    weights = fetch(entry[0])
    assert weights.status == "no_data" and weights.file is None
    assert weights.reason == (
        f"{entry[1]} is not here and NETS_OFFLINE forbids the download; "
        f"put {entry[1]} into {place}/data/weights and run with RETRY=1."
    )


def test_damaged(entry, place):
    (place / "file.pth").write_bytes(b"other")
    reason = fetch(entry[0], place / "file.pth").reason
    assert re.search(rf"file.pth is damaged \(its SHA-256 is d9298a10\w{{56}}, not {entry[2]}\)", reason)


def test_by_hand(place, capsys):
    assert main(["--weights", "inception", "--output", str(place / "inception.json")]) == 0
    assert json.loads((place / "inception.json").read_text())["status"] == "no_data"
    assert main(["--weights", "resnet51_imagenet1k_v1", "--output", str(place / "x.json")]) == 1
    assert (
        "weights.yaml has no 'resnet51_imagenet1k_v1'; did you mean 'resnet50_imagenet1k_v1'" in capsys.readouterr().err
    )


DATASETS = {"v1": "imagenet", "v2": "imagenet_232"}


def test_the_catalogue_is_torchvisions_and_so_are_the_published_values():
    entries = yaml.safe_load((ROOT / "config/weights.yaml").read_text())
    datasets = yaml.safe_load((ROOT / "config/datasets.yaml").read_text())
    resizes = {version: datasets[name] for version, name in DATASETS.items()}
    published = load_published(ROOT / "config/published.csv")
    runs = [run for run in load_runs(ROOT / "config/full.tsv") if run.recipe.name == "evaluate_only"]
    assert {run.pretrained["name"] for run in runs} == {name for name, entry in entries.items() if "model" in entry}
    assert len(runs) == 20
    for name, entry in entries.items():
        if "model" not in entry:
            continue
        model, version = name.split("_imagenet1k_")
        theirs = models.get_model_weights(model)[f"IMAGENET1K_{version.upper()}"]
        preset = theirs.transforms()
        assert (entry["model"], entry["url"]) == (model, theirs.url)
        assert theirs.url.endswith(f"-{digits_of(entry)[:8]}.pth") and len(digits_of(entry)) in (8, 64)
        assert entry["shape"] == [3, *preset.crop_size * 2]
        half = [0.5, 0.5, 0.5]  # what GoogLeNet's transform_input makes of ImageNet's statistics
        assert (entry["mean"], entry["std"]) == ((half, half) if model == "googlenet" else (preset.mean, preset.std))
        record = theirs.meta["_metrics"]["ImageNet-1K"]
        for metric, value in (("top1", record["acc@1"]), ("top5", record["acc@5"])):
            assert published[model, DATASETS[version], metric, "test"][0].value == value
        assert [resizes[version]["sources"][0]["resize"]] == preset.resize_size


def test_a_place_that_cannot_be_written_is_a_hole(entry, place, monkeypatch):
    monkeypatch.setenv("NETS_OFFLINE", "0")
    (place / "data").write_text("a file where the folder should be")
    weights = fetch(entry[0])
    assert weights.status == "no_data" and "could not be downloaded" in weights.reason


def test_the_catalogue_takes_no_part_of_a_hash_for_a_whole_one(entry):
    entry = entry[0]
    check_catalogue({"own": entry}, "weights", "weights.yaml")
    short = {"title": "Weights", "url": entry["url"]}
    for change, said in (
        ({"sha256": entry["sha256"][:8]}, "own.sha256: .* is not valid; write its whole SHA-256: 64 lower-case"),
        ({"first_digits": entry["sha256"]}, "own.first_digits: .* is not valid; write the first digits"),
        ({}, "'sha256' is a required property; add it"),
    ):
        with pytest.raises(ConfigError, match=said):
            check_catalogue({"own": short | change}, "weights", "weights.yaml")


@pytest.fixture
def served(entry, place, monkeypatch):
    """The entry with only the first digits of its hash, and an author who sends the file to whom asks."""
    described, name, digest = entry
    short = {"title": "Weights", "url": described["url"], "first_digits": digest[:8]}
    sent = []

    def send(url, target, hash_prefix, progress):
        sent.append((url, hash_prefix))
        (place / "file.pth").rename(target)

    monkeypatch.setattr(torch.hub, "download_url_to_file", send)
    monkeypatch.setenv("NETS_OFFLINE", "0")
    return short, name, digest, sent


def test_the_first_download_pins_a_hash_of_which_only_the_first_digits_are_known(served, place, capsys):
    short, name, digest, sent = served
    assert fetch(short) == WeightsFile("ok", None, place / "data/weights" / name, digest)
    assert sent == [(short["url"], digest[:8])]
    assert pin_of(short["url"]).read_text() == f"{digest}\n"
    assert f"from now on it must be {digest}, which is in {pin_of(short['url'])}" in capsys.readouterr().out
    assert fetch(short).sha256 == digest and len(sent) == 1
    (place / "data/weights" / name).write_bytes(b"other")
    assert "is damaged (its SHA-256 is d9298a10" in fetch(short).reason


@pytest.mark.parametrize("where", ["data/weights", "given"])
def test_a_file_that_is_here_pins_nothing(served, place, where):
    short, name, digest, sent = served
    target = place / where / name
    target.parent.mkdir(parents=True)
    (place / "file.pth").rename(target)
    reason = fetch(short, target if where == "given" else None).reason
    assert reason.startswith(f"{target} can't be verified: only the first digits of its SHA-256 are known.")
    assert f"`sha256: {digest}`" in reason and not sent and not list((place / "data/weights").glob("*.sha256"))


def test_an_address_without_encryption_pins_nothing(served, place):
    short, *_, sent = served
    assert "only an address with https://" in fetch(short | {"url": short["url"].replace("https", "http")}).reason
    assert not sent


def test_a_password_in_an_address_is_not_shown(entry, monkeypatch):
    def refuse(url, target, hash_prefix, progress):
        raise OSError(f"no answer from {url}")

    monkeypatch.setattr(torch.hub, "download_url_to_file", refuse)
    monkeypatch.setenv("NETS_OFFLINE", "0")
    reason = fetch(entry[0] | {"url": "https://me:pass@host/net.pth?token=abc"}).reason
    assert reason.startswith(
        "net.pth could not be downloaded (no answer from https://***@host/net.pth?token=***); put "
    )
    with pytest.raises(ConfigError, match="weights.yaml: own.url: an address has a password or a token"):
        check_catalogue({"own": entry[0] | {"url": "https://host/net.pth?token=abc"}}, "weights", "weights.yaml")


class Bomb:
    """What a pickle may do when it is opened."""

    def __reduce__(self):
        return (exec, ("raise SystemExit('opened')",))


def write_note(place, content, digest=None):
    (place / "net.pth").write_bytes(content)
    note = WeightsFile("ok", None, place / "net.pth", digest or sha256(content))
    (place / "inception.json").write_text(json.dumps(note.to_json()))
    return place / "inception.json"


def test_a_note_from_elsewhere_decides_nothing(place):
    note = write_note(place, b"weights")
    for digits in ("", "0" * 64, "9a129038"):
        with pytest.raises(DataError, match="inception.json names other weights than weights.yaml; delete it"):
            load_extractor(note, place, torch.device("cpu"), digits)
    note.write_text(json.dumps(hole("There are none.").to_json()))
    with pytest.raises(DataError, match="There are none"):
        load_extractor(note, place, torch.device("cpu"), "0" * 64)


def test_weights_of_a_known_hash_are_tensors_or_nothing(place):
    buffer = io.BytesIO()
    torch.save({"weight": Bomb()}, buffer)
    note = write_note(place, buffer.getvalue())
    # Torch's message says how to run the file's code, and is left out.
    with pytest.raises(DataError, match="net.pth holds more than tensors, or is no such file; save only"):
        load_extractor(note, place, torch.device("cpu"), sha256(buffer.getvalue()))


def test_what_is_verified_is_what_is_read(place, monkeypatch):
    """The file is replaced as soon as it has been read once."""
    buffer = io.BytesIO()
    torch.save({"weight": torch.ones(2)}, buffer)
    weights = WeightsFile.read(write_note(place, buffer.getvalue()), sha256(buffer.getvalue()))
    verify = fetched.read_verified

    def replace_then_verify(path, *arguments):
        content = verify(path, *arguments)
        path.write_bytes(b"other")
        return content

    monkeypatch.setattr(fetched, "read_verified", replace_then_verify)
    assert weights.tensors()["weight"].tolist() == [1, 1]
    with pytest.raises(DataError, match="net.pth is damaged"):
        weights.tensors()


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir], ids=["pipe", "folder"])
def test_what_is_no_file_is_refused(place, make):
    path = place / "mine.pth"
    make(path)
    with pytest.raises(DataError, match="mine.pth is not a regular file; remove it"):
        fetch({"title": "Mine", "url": str(path), "sha256": "0" * 64})
