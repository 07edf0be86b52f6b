"""What a row starts from: resolved, or refused in one sentence."""

import pytest

from nets.errors import ConfigError
from nets.suite.expansion import load_runs

HEADER = "model\tdataset\tvariant\trecipe\tseeds\toverrides\n"
SOURCE = "lenet5\tmnist5k_0to4\t\tlenet5\t0-1\tepochs=1"
WEIGHTS = "resnet50_imagenet1k_v1"


def target(overrides, seeds="0-2", model="lenet5", variant="tuned", dataset="mnist5k_5to9"):
    return f"{model}\t{dataset}\t{variant}\tlenet5\t{seeds}\t{overrides}"


def start(name, transfer="fine_tuning"):
    return f"options.pretrained={name} options.transfer={transfer}"


@pytest.fixture
def load(tmp_path):
    def write(*rows):
        path = tmp_path / "my.tsv"
        path.write_text(HEADER + "".join(f"{row}\n" for row in rows))
        return load_runs(path)

    return write


def test_a_run_starts_from_the_same_seed_or_the_first(load):
    runs = load(SOURCE, target(start("lenet5-mnist5k_0to4")))
    assert [run.pretrained and run.pretrained["name"] for run in runs] == [
        *(None, None),
        *(f"lenet5-mnist5k_0to4-s{seed}" for seed in (0, 1, 0)),
    ]
    assert not runs[2].pretrained["keep_head"], "the classes differ"
    assert runs[2].input_shape == (1, 28, 28)


def test_a_change_of_the_source_changes_what_starts_from_it(load):
    tuned = target(start("lenet5-mnist5k_0to4"))
    before, after = load(SOURCE, tuned), load(SOURCE.replace("epochs=1", "epochs=2"), tuned)
    assert before[2].digest != after[2].digest
    assert load(SOURCE, tuned)[2].digest == before[2].digest


def test_a_chain_in_any_order(load):
    last = target(start("lenet5-mnist5k_5to9-tuned"), variant="again")
    runs = load(last, target(start("lenet5-mnist5k_0to4")), SOURCE)
    assert [run.pretrained["name"] for run in runs[:3]] == [f"lenet5-mnist5k_5to9-tuned-s{seed}" for seed in (0, 1, 2)]
    assert runs[0].pretrained["keep_head"], "the classes are the same"


def test_weights_say_what_the_network_sees(load):
    (run,) = load(target(start(WEIGHTS), model="resnet50", seeds="0"))
    assert run.pretrained["kind"] == "weights" and run.pretrained["sha256"].startswith("0676ba61")
    assert (run.shape, run.input_shape) == ((1, 28, 28), (3, 224, 224))


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (
            target(start("lenet5-mnist5k_0to5")),
            "is neither a row .*; did you mean 'lenet5-mnist5k_0to4'",
        ),
        (
            target(start("lenet5-mnist5k_5to9-tuned")),
            "lenet5-mnist5k_5to9-tuned starts from lenet5-mnist5k_5to9-tuned; let one of them start from scratch",
        ),
        (
            target(start("lenet5-mnist5k_5to9-b"), variant="a")
            + "\n"
            + target(start("lenet5-mnist5k_5to9-a"), variant="b"),
            "5to9-a starts from lenet5-mnist5k_5to9-b starts from lenet5-mnist5k_5to9-a; let one",
        ),
        (target(start("lenet5-mnist5k_0to4"), model="resnet50"), "lenet5-mnist5k_0to4 has another architecture"),
        (target(start(WEIGHTS)), f"{WEIGHTS} holds weights of resnet50, not of lenet5"),
        (
            target(start("lenet5-mnist5k_0to4"), dataset="cifar10"),
            "was trained on grey images, but cifar10 has colours",
        ),
        (target("options.pretrained=lenet5-mnist5k_0to4"), "options.pretrained and options.transfer need each other"),
        (target("options.transfer=fine_tuning"), "options.pretrained and options.transfer need each other"),
        (target(start("lenet5-mnist5k_0to4", "feature_extraction")), "features are computed once.*leave out augment"),
        (
            target(start("lenet5-mnist5k_0to4", "evaluate_only")),
            "epochs=0 and .* need each other",
        ),
        (target("epochs=0"), "epochs=0 and options.transfer=evaluate_only need each other"),
        (target("epochs=1", model="resnet50", dataset="imagenet"), "imagenet has no training images"),
        (target("options.transfer=frozen"), "options.transfer: 'frozen' is not one of"),
    ],
)
def test_a_mistake_is_named_with_its_row(load, row, expected):
    with pytest.raises(ConfigError, match=rf"my.tsv, line [34]\b.*({expected})") as error:
        load(SOURCE, row)
    assert "\n" not in str(error.value)


def encoder(overrides=""):
    return target(f"model.latent_dim=8 {start('conv_autoencoder-mnist5k')} {overrides}", model="encoder_classifier")


def autoencoder(model="conv_autoencoder", overrides="model.latent_dim=8"):
    return f"{model}\tmnist5k\t\t{'vae' if 'vae' in model else 'conv_autoencoder'}\t0\t{overrides}"


def test_a_classifier_may_start_from_an_autoencoder(load):
    pretrained = load(autoencoder(), encoder())[1].pretrained
    assert pretrained["name"] == "conv_autoencoder-mnist5k-s0" and not pretrained["keep_head"]
    facts = [pretrained[key] for key in ("shape", "mean", "std")]
    assert facts == [[1, 28, 28], [0.0], [1.0]], "it was trained on pixels in 0..1"


@pytest.mark.parametrize(
    ("source", "row"),
    [
        (autoencoder(overrides="model.latent_dim=9"), encoder()),
        (autoencoder(), encoder("model.widths=[8,8]")),
        (autoencoder("conv_vae"), encoder().replace("conv_autoencoder-", "conv_vae-")),
        (autoencoder("autoencoder"), encoder().replace("conv_autoencoder-", "autoencoder-")),
        (autoencoder(), target(start("conv_autoencoder-mnist5k"))),
    ],
)
def test_an_autoencoder_with_another_encoder(load, source, row):
    with pytest.raises(ConfigError, match="line 3: .*mnist5k has no encoder for .*; only encoder_classifier can start"):
        load(source, row)


def few(variant, overrides="", dataset="mnist5k_1pct", seeds="0-2"):
    recipe = "few_labels_encoder_self_training" if "student" in variant else "few_labels"
    return f"lenet5\t{dataset}\t{variant}\t{recipe}\t{seeds}\t{overrides}"


def student(start="lenet5-mnist5k_1pct", **cells):
    return few("student", f"options.pretrained={start}", **cells)


def test_a_student_starts_from_the_teacher_of_its_own_seed(load):
    runs = load(few(""), student())
    assert [run.pretrained["name"] for run in runs[3:]] == [f"lenet5-mnist5k_1pct-s{seed}" for seed in (0, 1, 2)]
    assert all(run.draws_labels for run in runs)


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ((few("", seeds="0-1"), student()), "mnist5k_1pct has no seed 2, and each seed has other labelled images"),
        (
            (few("", seeds="0-1"), few("tuned", start("lenet5-mnist5k_1pct"))),
            "mnist5k_1pct has no seed 2, and each seed has other labelled images.*give it the same seeds",
        ),
        (
            (few("", dataset="mnist5k_10pct"), student("lenet5-mnist5k_10pct")),
            "mnist5k_10pct can't label images; self_training needs a classifier of mnist5k_1pct",
        ),
        (
            ("autoencoder\tmnist5k_1pct\t\tautoencoder\t0-2\t", student("autoencoder-mnist5k_1pct")),
            "autoencoder-mnist5k_1pct can't label images",
        ),
        ((SOURCE, student(WEIGHTS)), f"{WEIGHTS} can't label images"),
        (
            (few("", dataset="mnist5k"), student("lenet5-mnist5k", dataset="mnist5k")),
            "mnist5k has no images without labels; self_training needs some",
        ),
    ],
)
def test_a_start_that_would_mix_or_lack_labels(load, rows, expected):
    with pytest.raises(ConfigError, match=f"my.tsv, line 3: .*({expected})"):
        load(*rows)
