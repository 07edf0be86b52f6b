"""Keys are complete: every function that runs in a stage is part of its key."""

import pytest

from nets.data.preparation import prepare
from nets.jobs import draw, evaluate, reference, train
from nets.suite.expansion import load_runs
from nets.suite.keys import run_source, stage_source
from tests.traced import missed, traced

HEADER = "model\tdataset\tvariant\trecipe\tseeds\toverrides\n"
ROWS = {
    "classification": "lenet5\tmnist5k\t\tlenet5\t0\tepochs=2 ema=0.9 augment.crop_padding=2 augment.cutout=4 "
    "options.measure=[training,gradients,classes]",
    "tuned": "mlp\tmnist5k\ttuned\tfine_tuning\t0\tepochs=1 augment.flip=false augment.crop_padding=0 "
    "options.pretrained=mlp-mnist5k",
    "features": "mlp\tmnist5k\tfeatures\tfeature_extraction\t0\tepochs=1 options.pretrained=mlp-mnist5k",
    "student": "mlp\tmnist5k_1pct\tstudent\tfew_labels_encoder_self_training\t0\tepochs=1 batch_size=50 "
    "options.pretrained=mlp-mnist5k_1pct",
    "reconstruction": "conv_autoencoder\tmnist5k\tjoint\tconv_autoencoder\t0\tepochs=1 model.widths=[4,8] "
    "options.noise=0.3",
    "variational": "vae\tmnist5k\t\tvae\t0\tepochs=1 model.widths=[32] options.samples=100 options.fid_samples=64 "
    "options.measure=[gradient_variance]",
    "pca": "pca\tmnist5k\t\tpca\t0\t",
    "adversarial": "dcgan\tmnist5k\t\tdcgan\t0\tepochs=1 batch_size=128 model.width=4 options.samples=100 "
    "options.fid_samples=150 options.measure=[discriminator_steps,modes]",
    "diffusion": "ddpm\tmnist5k\t\tddpm\t0\tepochs=1 batch_size=128 schedule.warmup_epochs=0 options.timesteps=4 "
    "options.samples=100 options.fid_samples=64 model.width=4 model.multipliers=[1,2] model.blocks=1 "
    "model.attention=[] options.measure=[sampling_steps]",
    "segmentation": "unet\tdigit_scenes\t\tunet\t0\tepochs=1 model.width=2 options.measure=[scales]",
    "linear": "autoencoder\tmnist5k\tlinear\tautoencoder\t0\tepochs=1 model.widths=[] model.linear=true "
    "options.measure=[subspace]",
    "bottleneck": "unet_autoencoder\tmnist5k\t\tautoencoder\t0\tepochs=1 model.width=1 model.depth=2 "
    "options.measure=[bottleneck]",
}
EXTRACTOR = ("nets/models/lenet.py", "nets/models/pooling.py")  # represented by the SHA-256 of its weights
START = "mlp\tmnist5k\t\tmlp\t0\tepochs=1\n"
TEACHER = "mlp\tmnist5k_1pct\t\tmlp\t0\tbatch_size=7\n"


@pytest.fixture(scope="module")
def start(digits, tmp_path_factory):
    """The manifest of a trained mlp."""
    return train_one(tmp_path_factory.mktemp("start"), START, digits)[0] / "manifest.json"


@pytest.fixture(scope="module")
def few_labels(catalogue, tmp_path_factory):
    """The prepared data set `mnist5k_1pct`, and the manifest of a teacher that was trained on it."""
    folder = tmp_path_factory.mktemp("few_labels")
    prepare("mnist5k_1pct", catalogue["mnist5k_1pct"], folder / "data")
    return folder / "data", train_one(folder, TEACHER, folder / "data")[0] / "manifest.json"


def train_one(folder, rows, data, *arguments):
    """Train the last run of some rows; returns its folder, the run and the code that ran."""
    (folder / "one.tsv").write_text(HEADER + rows)
    run = [run for run in load_runs(folder / "one.tsv") if run.purpose == "benchmark"][-1]
    (folder / run.name).mkdir()
    (folder / run.name / "config.json").write_text(run.to_json())
    command = ["--run-dir", str(folder / run.name), "--data-dir", str(data), *map(str, arguments)]
    with traced() as ran:
        assert train.main(command) == 0
    return folder / run.name, run, ran


@pytest.mark.parametrize("kind", ROWS)
def test_every_function_of_a_run_is_in_its_keys(kind, few, scenes, start, few_labels, extractor_run, tmp_path):
    data, rows = scenes if kind == "segmentation" else few, ROWS[kind] + "\n"
    extra: list[object] = []
    if kind == "student":
        (data, teacher), rows = few_labels, TEACHER + rows
        extra = ["--pretrained", teacher]
    elif "pretrained" in rows:
        rows, extra = START + rows, ["--pretrained", start]
    judged = kind in ("variational", "adversarial", "diffusion")
    folder, run, ran = train_one(tmp_path, rows, data, *extra, *(["--extractor", extractor_run] if judged else []))
    others = EXTRACTOR if judged else ()
    assert missed(ran, run_source("train", run), "train", others) == set()
    assert missed(ran, run_source("evaluate", run), "train", others) != set()

    command = ["--run-dir", str(folder), "--data-dir", str(data)]
    if judged:
        scale = tmp_path / "mnist5k-indomain"
        with traced() as ran:
            arguments = ["--data-dir", str(data), "--extractor", str(extractor_run), "--output", str(scale)]
            assert reference.main([*arguments, "--samples", "100"]) == 0
        assert missed(ran, stage_source("reference"), "reference", others) == set()
        command += ["--references", str(scale / "reference.json")]
    with traced() as ran:
        assert evaluate.main(command) == 0
    assert missed(ran, run_source("evaluate", run), "evaluate", others) == set()
    with traced() as ran:
        assert draw.main(["--run-dir", str(folder)]) == 0
    assert missed(ran, stage_source("draw"), "draw") == set()
