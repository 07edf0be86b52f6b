"""What the catalogues name exists and fits; recipes are used; digits are never mirrored; titles are correct."""

import inspect

import pytest
import yaml

from nets.errors import ConfigError
from nets.suite.catalogues import ROOT, schema
from nets.suite.expansion import load_runs
from nets.tasks.networks import import_class

HEADER = "model\tdataset\tvariant\trecipe\tseeds\toverrides\n"
MODELS, RECIPES, DATASETS = (
    yaml.safe_load((ROOT / f"config/{name}.yaml").read_text()) for name in ("models", "recipes", "datasets")
)
TABLES = ("quick", "full", "cpu", "reconstruction", "generators", "labels", "gpu", "mnist")
SUITES = [run for suite in TABLES for run in load_runs(ROOT / f"config/{suite}.tsv")]
CLASSIFIERS = [name for name, entry in MODELS.items() if entry["task"] == "classification"]
OF_LESSONS = {"plain20", "plain56", "dcgan_lenet5", "dcgan_vgg11", "unet_autoencoder", "sampled_autoencoder"}
COMPARED = [n for n in CLASSIFIERS if n not in OF_LESSONS | {"encoder_classifier"}]  # that one shows pretraining
FAMILIES = ["softmax", "mlp", "cnn", "lenet5", "alexnet", "zfnet", "vgg11", "vgg16_bn", "googlenet", "resnet18",
            "resnet50", "resnet20", "mobilenet_v1", "mobilenet_v2"]  # fmt: skip


def run(folder, row):
    (folder / "my.tsv").write_text(HEADER + row + "\n")
    return load_runs(folder / "my.tsv")[0]


@pytest.mark.parametrize("model", MODELS)
def test_arguments_are_those_of_the_class_with_its_defaults(model):
    for network in MODELS[model]["networks"].values():
        known = inspect.signature(import_class(network["class"])).parameters
        for name, value in network.get("args", {}).items():
            assert name in known
            theirs = model == "teaching_wgan_polynomials"  # whose critic is a discriminator of eight times the width
            if name in ("width", "dropout", "dropout_aux", "hidden", "channels", "aux_logits") and not theirs:
                default = known[name].default
                assert value == (list(default) if isinstance(default, tuple) else default)


def test_depths_are_those_of_the_names():
    for model in CLASSIFIERS:
        args = MODELS[model]["networks"]["classifier"]["args"]
        if "depth" in args:
            family = "vgg" if "batch_norm" in args else "resnet" if args.get("shortcuts", True) else "plain"
            assert model == f"{family}{args['depth']}" + ("_bn" if args.get("batch_norm") else "")


def test_quick_has_every_family_and_full_every_classifier():
    quick = {run.model for run in load_runs(ROOT / "config/quick.tsv") if run.dataset == "mnist5k"}
    full = {(run.model, run.dataset) for run in load_runs(ROOT / "config/full.tsv")}
    assert set(FAMILIES) <= quick
    assert {(m, d) for m in COMPARED for d in ("mnist", "fashion_mnist", "cifar10", "cifar100")} <= full


def test_quick_has_every_model_that_is_no_classifier():
    quick = {run.model for run in load_runs(ROOT / "config/quick.tsv")}
    others = {name for name, entry in MODELS.items() if entry["task"] != "classification"}
    variations = {name for name in others if name.startswith("teaching_")} | OF_LESSONS
    assert others - quick <= variations


def test_a_row_with_many_overrides_has_a_recipe_of_its_own():
    assert not [run.name for run in SUITES if len(run.row["overrides"].split()) > 7]


def test_no_recipe_is_dead_and_each_names_its_source():
    assert set(RECIPES) == {run.recipe.name for run in SUITES}
    assert all(len(recipe["source"]) > 20 for recipe in RECIPES.values())


def test_recipes_of_classifiers_say_how_weights_begin_and_what_was_changed():
    learning = {name: each for name, each in RECIPES.items() if each["task"] == "classification"}
    for name, recipe in learning.items():
        of_papers = "transfer" not in recipe.get("options", {}) and not name.startswith(("short", "few_labels"))
        assert len(recipe.get("initialisation", "")) > 40 or not of_papers, name
        assert len(recipe["changed"]) > 20, name
        if recipe.get("clip_norm") and of_papers:
            assert f"clipped to a norm of {recipe['clip_norm']}" in recipe["changed"], name


@pytest.mark.parametrize(
    "used", ["ema", "cutout", "flip", "crop_padding", "warmup_epochs", "nesterov", "label_smoothing", "clip_norm"]
)
def test_every_means_is_there_because_a_recipe_uses_it(used):
    parts = [recipe.get(part) or {} for recipe in RECIPES.values() for part in ("augment", "schedule", "optimizer")]
    options = [recipe.get("options") or {} for recipe in RECIPES.values()]
    assert any(part.get(used) for part in [*RECIPES.values(), *parts, *options])


def test_optimizers_and_schedules_are_used():
    assert {recipe["optimizer"]["name"] for recipe in RECIPES.values()} >= {"sgd", "adam", "rmsprop"}
    known = schema("recipes")["$defs"]["recipe"]["properties"]["schedule"]["properties"]["name"]["enum"]
    assert {run.recipe.schedule["name"] for run in SUITES} == set(known)


def test_digits_are_not_mirrored(tmp_path):
    assert not [
        run.name for run in SUITES if run.recipe.augment["flip"] and not DATASETS[run.dataset].get("flip", True)
    ]
    with pytest.raises(
        ConfigError, match="a mirrored image of mnist no longer belongs to its class; add .* augment.flip=false"
    ):
        run(tmp_path, "resnet18\tmnist\t\tpytorch_cifar\t0\t")
    assert not run(tmp_path, "resnet18\tmnist\t\tpytorch_cifar\t0\taugment.flip=false").recipe.augment["flip"]
    assert run(tmp_path, "resnet18\tcifar10\t\tpytorch_cifar\t0\t").recipe.augment["flip"]


@pytest.mark.parametrize(
    ("overrides", "title"),
    [
        ("", "VGG-11"),
        ("epochs=3", "VGG-11 (3 epochs)"),
        ("epochs=1", "VGG-11 (1 epoch)"),
        ("epochs=4", "VGG-11"),
        ("epochs=40", "VGG-11"),  # titles do not show longer trainings; tables explain them beside published values
        ("model.width=0.25 epochs=3", "VGG-11 (width 0.25, 3 epochs)"),
        ("model.width=1.0", "VGG-11"),
        ("model.width=0.25", "VGG-11 (width 0.25)"),
        ("model.width=0.25 model.dropout=0", "VGG-11 (width 0.25, dropout 0)"),
    ],
)
def test_titles_say_what_a_row_changes_of_the_network_and_how_much_shorter_it_trains(tmp_path, overrides, title):
    assert run(tmp_path, f"vgg11\tmnist5k\t\tshort\t0\t{overrides}").title == title


def test_a_description_holds_what_its_overrides_replaced(tmp_path):
    resolved = run(tmp_path, "vgg11\tmnist5k\t\tshort\t0\tmodel.width=0.25 epochs=6 optimizer.lr=0.1 ema=0.9")
    assert resolved.overridden == {"model.width": 1.0, "epochs": RECIPES["short"]["epochs"], "ema": None}


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({"augment": {"cut_out": 8}}, "augment: unknown key 'cut_out'; did you mean 'cutout'"),
        ({"augment": {"cutout": -1}}, "augment.cutout: -1 is less than the minimum of 0"),
        ({"ema": 1.0}, "ema: 1.0 is greater than or equal to the maximum of 1"),
        ({"momentum": 0.9}, "unknown key 'momentum'"),
        ({"optimizer": {"name": "adadelta", "lr": 1}}, "'adadelta' is not one of"),
        ({"schedule": {"name": "poly"}}, "'poly' is not one of"),
        ({"source": None}, "None is not of type 'string'"),
    ],
)
def test_recipes_are_closed(tmp_path, keys, expected):
    (tmp_path / "recipes.yaml").write_text(yaml.safe_dump({"mine": RECIPES["short"] | keys}))
    with pytest.raises(ConfigError) as error:
        run(tmp_path, "vgg11\tmnist5k\t\tmine\t0\t")
    assert expected in str(error.value)
    assert str(error.value).startswith(str(tmp_path / "recipes.yaml"))


def test_replaced_entries_are_named(tmp_path, capsys):
    own = {name: MODELS[name] for name in ("lenet5", "mlp")}
    own |= {"mine": MODELS["cnn"], "mlp": MODELS["mlp"] | {"title": "My MLP"}}
    (tmp_path / "models.yaml").write_text(yaml.safe_dump(own))
    assert run(tmp_path, "mlp\tmnist5k\t\tmlp\t0\t").title == "My MLP"
    assert capsys.readouterr().err == f"{tmp_path}/models.yaml replaces the project's mlp.\n"


@pytest.mark.parametrize("url", ["https://me:pass@host/data", "https://host/data?token=abc"])
def test_an_address_with_a_password_is_refused(tmp_path, url):
    (tmp_path / "datasets.yaml").write_text(yaml.safe_dump({"own": DATASETS["mnist5k"] | {"url": url}}))
    with pytest.raises(ConfigError, match="datasets.yaml: own.url: an address has a password or a token") as error:
        run(tmp_path, "mlp\tmnist5k\t\tmlp\t0\t")
    assert "pass@" not in str(error.value) and "abc" not in str(error.value)
