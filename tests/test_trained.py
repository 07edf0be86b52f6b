"""Trained networks outside the workflow: `nets.load` gives what evaluation measures, from a folder or a single file."""

import json
import re
import shutil
import subprocess
import sys
import textwrap

import numpy as np
import pytest
import torch

import nets
from nets.data.batches import images_of
from nets.errors import DataError, UserError
from nets.jobs import evaluate, train
from nets.reporting.tables.tidy import COLUMNS
from nets.suite.catalogues import ROOT


@pytest.fixture
def trained(run_of, few, scenes, tmp_path):
    """A function that trains a row for an epoch; returns its folder."""

    def learn(model, overrides="epochs=1", dataset="mnist5k"):
        run = run_of(model, overrides, dataset=dataset)
        folder = tmp_path / run.name
        folder.mkdir()
        (folder / "config.json").write_text(run.to_json())
        data = few if dataset == "mnist5k" else scenes
        assert train.main(["--run-dir", str(folder), "--data-dir", str(data)]) == 0
        return folder

    return learn


def test_a_classifier_answers_as_in_its_evaluation(trained, few):
    folder = trained("lenet5")
    assert evaluate.main(["--run-dir", str(folder), "--data-dir", str(few)]) == 0
    model, images = nets.load(folder), images_of(few, "test")
    probabilities = model(images)
    assert probabilities.shape == (200, 10) and torch.allclose(probabilities.sum(1), torch.ones(200))
    best = next(m for m in json.loads((folder / "metrics.json").read_text())["metrics"] if m["metric"] == "top1_best")
    labels = np.load(few / "test/labels.npy")[np.load(few / "test/test.npy")]
    assert (probabilities.argmax(1).numpy() == labels).mean() * 100 == pytest.approx(best["value"])
    assert torch.equal(model(images[3].numpy()), model(images[3:4])[0])  # NumPy's arrays, and one image
    assert model(images[:0]).shape == (0, 10)
    assert "LeNet-5" in repr(model) and list(model.networks) == ["classifier"]


def test_the_last_weights_are_those_of_the_file_of_that_name(trained, few):
    folder = trained("lenet5", "epochs=2")
    images = images_of(few, "test")
    assert evaluate.main(["--run-dir", str(folder), "--data-dir", str(few)]) == 0
    moved = shutil.copy(folder / "model.safetensors", folder.parent / "mine.safetensors")
    shutil.rmtree(folder / "checkpoints")
    predicted = nets.load(moved)(images).argmax(1)
    assert np.array_equal(predicted, np.load(folder / "arrays.npz")["predicted"])


def test_an_image_needs_the_size_and_type_of_the_data_set(trained, few):
    model = nets.load(trained("lenet5"))
    for images in (torch.zeros(2, 1, 28, 28), torch.zeros(2, 3, 28, 28, dtype=torch.uint8), np.zeros((28, 28), "u1")):
        with pytest.raises(UserError, match=r"takes images \(N, 1, 28, 28\) uint8, and these are .*; convert them"):
            model(images)
    with pytest.raises(UserError, match="draws no images"):
        model.sample(2)


def test_a_segmenter_gives_the_class_of_every_pixel(trained, scenes, monkeypatch):
    monkeypatch.setattr("nets.tasks.segmentation.Segmentation.failure", lambda *_: None)  # after one short epoch
    model = nets.load(trained("unet", "epochs=1 model.width=4 model.depth=1", "digit_scenes"))
    masks = model(images_of(scenes, "test")[:3])
    assert masks.shape == (3, 64, 64) and masks.dtype == torch.int64 and masks.max() < 11


def test_a_vae_reconstructs_and_draws(trained, few):
    model = nets.load(trained("vae"))
    images = images_of(few, "test")[:5]
    again = model(images)
    assert again.shape == images.shape and again.dtype == torch.uint8
    assert (again.float() - images.float()).square().mean() < (127 - images.float()).square().mean()
    drawn = model.sample(4, seed=1)
    assert drawn.shape == (4, 1, 28, 28) and drawn.dtype == torch.uint8
    with pytest.raises(UserError, match="-1 is no number of images"):
        model.sample(-1)
    assert torch.equal(drawn, model.sample(4, seed=1)) and not torch.equal(drawn, model.sample(4, seed=2))
    with pytest.raises(UserError, match="an autoencoder has no prior"):
        nets.load(trained("autoencoder")).sample(1)


def test_a_gan_draws_and_takes_no_images(trained, few):
    folder = trained("dcgan", "epochs=1 model.width=4 options.fid_samples=0")
    state = torch.get_rng_state()
    model = nets.load(folder)
    assert model.sample(3).shape == (3, 1, 28, 28)
    with pytest.raises(UserError, match="takes no images"):
        model(images_of(few, "test")[:2])
    assert torch.equal(state, torch.get_rng_state())


@pytest.mark.parametrize("path", ["nowhere", "nowhere.safetensors", "config.json"])
def test_what_is_no_run_is_refused(tmp_path, path):
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(UserError, match="neither the folder of a run nor its file of weights"):
        nets.load(tmp_path / path)


def test_a_hole_and_damaged_or_foreign_files_are_refused(trained):
    from safetensors.torch import save_file

    folder = trained("lenet5")
    save_file({"weight": torch.ones(2)}, folder / "foreign.safetensors")
    (folder / "broken.safetensors").write_bytes(b"no weights")
    for name in ("foreign", "broken"):
        with pytest.raises(UserError, match="does not say which network its weights are for"):
            nets.load(folder / f"{name}.safetensors")
    (folder / "best.safetensors").write_bytes((folder / "foreign.safetensors").read_bytes())
    for path in (folder, folder / "best.safetensors"):
        with pytest.raises(DataError, match=r"best.safetensors is damaged: .*; delete it and train again"):
            nets.load(path)
    with pytest.raises(UserError, match="is not the folder of a run; name one, such as"):
        nets.load(folder.parent)
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest |= {"status": "diverged", "reason": "It diverged.", "weights": {}}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(UserError, match=r"has no result: It diverged\."):
        nets.load(folder)


def test_results_are_a_table(tmp_path):
    lines = [
        ",".join(COLUMNS),
        "a-b-s0,a,b,classification,,0,ok,test,top1,97.5,higher,",
        "None-b-s1,None,b,classification,,1,diverged,,,,,",
    ]
    (tmp_path / "metrics.csv").write_text("\n".join(lines))
    frame = nets.results(tmp_path)
    assert frame.loc[0, "value"] == 97.5 and frame.loc[0, "variant"] == ""
    assert frame.loc[1, "model"] == "None" and np.isnan(frame.loc[1, "value"])
    (tmp_path / "metrics.csv").write_text("a,b\n1,2\n")
    with pytest.raises(UserError, match="no table of nets' results"):
        nets.results(tmp_path)
    with pytest.raises(UserError, match="is missing; run the suite first"):
        nets.results(tmp_path / "nowhere")


def test_importing_nets_imports_little():
    script = "import sys, nets; sys.exit(bool({'torch', 'numpy', 'pandas'} & sys.modules.keys()))"
    subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=True)


def test_the_lines_of_the_readme_work(extractor_run, few, trained, tmp_path, monkeypatch):
    lines = re.search(r"^    import nets .*?\n\n(?=\S)", (ROOT / "README.md").read_text(), re.M | re.S)[0]
    quick = tmp_path / "results/quick"
    shutil.copytree(extractor_run.parent, quick / "runs/lenet5-mnist5k-s0")
    drawing = trained("dcgan", "epochs=1 model.width=4 options.fid_samples=0")
    shutil.copytree(drawing, quick / "runs/dcgan-mnist5k-s0")
    (quick / "metrics.csv").write_text(",".join(COLUMNS) + "\nlenet5-mnist5k-s0" + 11 * "," + "\n")
    monkeypatch.chdir(tmp_path)
    names: dict = {"images": images_of(few, "test")}
    exec(textwrap.dedent(lines), names)
    assert names["probabilities"].shape == (200, 10) and names["drawn"].shape == (64, 1, 28, 28)
    assert list(names["numbers"]["run"]) == ["lenet5-mnist5k-s0"]
