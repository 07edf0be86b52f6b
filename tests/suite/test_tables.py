"""Tables become runs, and every mistake in them becomes one sentence that names file, row and remedy."""

import json
import shutil
from pathlib import Path

import pytest
import yaml

from nets.errors import ConfigError, UserError
from nets.run import Run, write_runs
from nets.suite.catalogues import ROOT
from nets.suite.expansion import load_runs

HEADER = "model\tdataset\tvariant\trecipe\tseeds\toverrides\n"


@pytest.fixture
def table(tmp_path):
    """Write a table of the given rows and return its path."""

    def write(*rows: str, header: str = HEADER) -> Path:
        path = tmp_path / "my.tsv"
        path.write_text(header + "".join(f"{row}\n" for row in rows))
        return path

    return write


def lenet(overrides: str = "", seeds: str = "0") -> str:
    return f"lenet5\tmnist5k\t\tlenet5\t{seeds}\t{overrides}"


def test_a_row_becomes_a_run_a_seed(table):
    runs = load_runs(table(lenet("epochs=3 optimizer.lr=2e-3", seeds="0-2,7")))
    assert [run.name for run in runs] == [f"lenet5-mnist5k-s{seed}" for seed in (0, 1, 2, 7)]
    assert all(run.recipe.epochs == 3 and run.recipe.optimizer["lr"] == 2e-3 for run in runs)


def test_a_description_survives_its_file_and_names_its_row(table):
    (run,) = load_runs(table(lenet("epochs=3")))
    assert Run.from_json(run.to_json()) == run
    assert json.loads(run.to_json())["row"]["overrides"] == "epochs=3"


def test_a_run_is_found_among_those_of_a_suite(table, tmp_path):
    runs = load_runs(table(lenet(seeds="1,11"), lenet("epochs=3").replace("\t\t", "\tshort\t")))
    write_runs(runs, tmp_path / "runs.jsonl")
    assert [Run.find(tmp_path / "runs.jsonl", run.name) for run in runs] == runs
    with pytest.raises(UserError, match=r"runs.jsonl has no run lenet5-mnist5k-s2; it lists the runs of one table\.$"):
        Run.find(tmp_path / "runs.jsonl", "lenet5-mnist5k-s2")


def test_a_seed_more_does_not_change_the_others(table):
    before = load_runs(table(lenet(seeds="0")))[0]
    after = load_runs(table(lenet(seeds="0-4")))[0]
    assert before.digest == after.digest


def test_a_generator_brings_its_extractor(table):
    runs = load_runs(table("dcgan\tmnist5k\t\tdcgan\t0-1\t"))
    assert [run.purpose for run in runs] == ["benchmark", "benchmark", "extractor"]
    assert runs[0].fidelity["indomain"] == runs[2].name


def test_a_vae_brings_one_too_and_an_autoencoder_does_not(table):
    runs = load_runs(table("vae\tmnist5k\t\tvae\t0\t", "autoencoder\tmnist5k\t\tautoencoder\t0\t"))
    assert [bool(run.fidelity) for run in runs] == [True, False, False]
    assert runs[2].purpose == "extractor"


def test_a_variant_adds_its_networks_and_overrides_reach_them(table):
    row = "autoencoder\tmnist5k\twith_classifier\tautoencoder\t0\tmodel.latent_dim=3"
    plain, joint = load_runs(table("autoencoder\tmnist5k\twide\tautoencoder\t0\t", row))
    assert list(plain.networks) == ["autoencoder"]
    assert {role: network.args["latent_dim"] for role, network in joint.networks.items()} == {
        "autoencoder": 3,
        "latent_classifier": 3,
    }


@pytest.mark.parametrize("model", ["autoencoder", "vae", "conv_autoencoder", "conv_vae"])
def test_every_autoencoder_can_learn_with_a_classifier(table, model):
    recipe = "vae" if "vae" in model else "autoencoder"
    run = load_runs(table(f"{model}\tmnist5k\twith_classifier\t{recipe}\t0\tmodel.latent_dim=5"))[0]
    assert run.networks["latent_classifier"].args == {"latent_dim": 5}


def test_a_variant_that_is_nearly_one_with_a_network(table):
    expected = "'{}' would add no network to {}, while 'with_classifier' adds one to conv_autoencoder, autoencoder, vae"
    for model, variant in (("autoencoder", "with_clasifier"), ("pca", "with_classifier")):
        with pytest.raises(ConfigError, match="line 2: variant " + expected.format(variant, model)):
            load_runs(table(f"{model}\tmnist5k\t{variant}\t{model}\t0\t"))
    assert load_runs(table("autoencoder\tmnist5k\tlatent30\tautoencoder\t0\t"))


def test_an_override_may_reach_one_network_alone(table):
    rows = [f"dcgan\tmnist5k\t{name}\tdcgan\t0\tmodel.{arguments}" for name, arguments in (
        ("both", "width=16"), ("one", "discriminator.width=8"), ("mixed", "width=16 model.discriminator.width=8"),
    )]  # fmt: skip
    runs = load_runs(table(*rows))[:3]
    assert [[network.args["width"] for network in run.networks.values()] for run in runs] == [
        [16, 16],
        [64, 8],
        [16, 8],
    ]
    assert [run.title for run in runs] == [
        "DCGAN (width 16)", "DCGAN (discriminator width 8)", "DCGAN (width 16, discriminator width 8)",
    ]  # fmt: skip
    assert runs[1].overridden == {"model.discriminator.width": 64}


def test_a_form_is_a_part_of_the_description_only_where_a_row_changes_it(table):
    rows = [f"lenet5\tmnist5k\t{variant}\tlenet5\t0\t{overrides}" for variant, overrides in (
        ("plain", ""), ("same", "model.activation=tanh"), ("other", "model.activation=relu"),
    )]  # fmt: skip
    plain, same, other = load_runs(table(*rows))
    assert plain.networks["classifier"].args == same.networks["classifier"].args == {}
    assert other.networks["classifier"].args == {"activation": "relu"}
    assert (same.title, other.title) == ("LeNet-5", "LeNet-5 (activation relu)")
    assert (same.overridden, other.overridden) == ({}, {"model.activation": "tanh"})
    for overrides, expected in (
        ("model.activaton=relu", "has no argument 'activaton'; did you mean 'activation'"),
        ("model.repeats=many", "model.repeats=many must have the type of 1, the default"),
        ("model.repeats=0", "0 is not a size"),
    ):
        with pytest.raises(ConfigError, match=expected):
            load_runs(table(lenet(overrides)))


def test_a_catalogue_beside_the_table_extends_the_projects(table, tmp_path):
    entry = {
        "title": "Mine",
        "task": "classification",
        "citation": "mine",
        "networks": {"classifier": {"class": "my.Net"}},
    }
    (tmp_path / "models.yaml").write_text(yaml.safe_dump({"mine": entry}))
    (run,) = load_runs(table("mine\tmnist5k\twide\tlenet5\t0\t"))
    assert (run.name, run.networks["classifier"].path) == ("mine-mnist5k-wide-s0", "my.Net")


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (lenet("epoch=3"), "unknown key 'epoch'; did you mean 'epochs'"),
        (lenet("optimizer.momentm=0.9"), "optimizer: unknown key 'momentm'; did you mean 'momentum'"),
        (lenet("options.smoothing=0.1"), "unknown key 'smoothing'"),
        (lenet("optimizer.lr=-0.1"), "less than or equal to the minimum of 0; set a number above 0"),
        (lenet("optimizer.lr=fast"), "optimizer.lr: 'fast' is not of type 'number'; give a number"),
        (lenet("optimizer.lr=.inf"), "optimizer.lr: .inf is not a finite number; set one."),
        (lenet("epochs=2 epochs=3"), "epochs is overridden twice"),
        (lenet("optimizer.name=adamx"), "'adamx' is not one of"),
        (lenet("optimizer.name=[adam]"), "['adam'] is not one of"),
        ("unet\tcamvid\t\tunet\t0\taugment.crop_padding=200", "can move an image of 180 pixels out of view"),
        ("unet\tcamvid\t\tunet\t0\taugment.scale=0.1", "augment.scale interpolates between pixels"),
        (lenet("augment.shift=28"), "augment.shift=28 can move an image of 28 pixels out of view"),
        (lenet("augment.shear=-0.1"), "augment.shear: -0.1 is less than the minimum of 0"),
        (
            lenet("optimizer.name=adam optimizer.momentum=0.9"),
            "optimizer.momentum, set by recipe 'lenet5' or by the row, is not a setting of adam",
        ),
        ("softmax\tmnist5k\t\tsoftmax\t0\toptimizer.nesterov=true", "optimizer.nesterov needs optimizer.momentum"),
        ("alexnet\tmnist5k\t\tshort\t0\tmodel.width=wide", "model.width=wide must have the type of 1.0"),
        ("alexnet\tmnist5k\t\tshort\t0\tmodel.width=-1", "-1 is not a size; set a number above 0"),
        ("vae\tmnist5k\t\tvae\t0\tmodel.latent_dim=0", "0 is not a size; set a number above 0"),
        ("vae\tmnist5k\t\tvae\t0\tmodel.widths=[8,-8]", "-8 is not a size; set a number above 0"),
        (
            lenet("options.pretrained=inception options.transfer=fine_tuning"),
            "inception holds weights of ",
        ),
        ("autoencoder\tmnist5k\t\tautoencoder\t0\tmodel.linear=true options.loss=bce", "which a linear network leaves"),
        ("pca\tmnist5k\t\tpca\t0\toptions.loss=bce", "which a linear network leaves; use mse"),
        ("pca\tmnist5k\t\tautoencoder\t0\t", "pca is fitted to all images at once, not trained; choose recipe 'pca'"),
        ("autoencoder\tmnist5k\t\tpca\t0\t", "autoencoder has to be trained; choose another recipe"),
        ("pca\tmnist5k\t\tpca\t0\tbatch_size=64", "pca is fitted in one step; leave out epochs and batch_size"),
        ("pca\tmnist5k\t\tpca\t0\tepochs=2", "pca is fitted in one step"),
        ("pca\tmnist5k\t\tpca\t0\tmodel.latent_dim=785", "exceeds the 784 numbers of an image"),
        (
            "autoencoder\tmnist5k\t\tautoencoder\t0\toptions.beta=4",
            "options.beta is for VAEs, and autoencoder is",
        ),
        ("autoencoder\tmnist5k\t\tautoencoder\t0\toptions.samples=64", "options.samples is for VAEs"),
        ("autoencoder\tmnist5k\t\tautoencoder\t0\toptions.noise=1", "options.noise=1: masking leaves nothing at 1"),
        ("pca\tmnist5k\t\tpca\t0\toptions.noise=0.1", "options.noise=0.1: pca is fitted, not trained; leave it out"),
        (
            "autoencoder\tmnist5k\t\tautoencoder\t0\toptions.noise_kind=gaussian",
            "options.noise_kind has no effect without options.noise",
        ),
        ("unet\tdigit_scenes\t\tunet\t0\toptions.loss=dice", "unknown key 'loss'; there are measure, test_every_epoch"),
        (lenet("epochs"), "override 'epochs' is not of the form key=value"),
        (lenet("epochs.first=1"), "epochs has no keys of its own"),
        (lenet("model.depth=5"), "the model has no argument 'depth'"),
        ("dcgan\tmnist5k\t\tdcgan\t0\tmodel.critic.width=5", "no argument 'critic.width'; did you mean"),
        ("dcgan\tmnist5k\t\tdcgan\t0\tmodel.discriminator.latent_dim=5", "no argument 'discriminator.latent_dim'"),
        (
            "ddpm\tmnist5k\t\tddpm\t0\toptions.timesteps=20 options.sampler=ddim options.sampling_steps=50",
            "options.sampling_steps=50 exceeds options.timesteps=20",
        ),
        ("ddpm\tmnist5k\t\tddpm\t0\toptions.eta=0.5", "options.eta belongs to options.sampler=ddim"),
        ("wgan\tmnist5k\t\twgan\t0\toptions.gradient_penalty=10", "both constrain the critic, and no paper has both"),
        ("wgan\tmnist5k\t\twgan\t0\toptions.clip=null", "needs a constraint on the critic; set options.clip or"),
        (lenet("task=reconstruction"), "task can't be overridden"),
        (lenet("initialisation=zeros"), "initialisation can't be overridden"),
        (lenet("epochs=5 schedule.name=step schedule.milestones=[3,5]"), "milestone 5 is never reached in 5 epochs"),
        (lenet("schedule.milestones=[3]"), "schedule.milestones and schedule.name=step need each other"),
        (lenet("epochs=5 schedule.warmup_epochs=5"), "the warm-up of 5 epochs outlasts the 5 epochs"),
        (lenet("optimizers.generator.lr=0.1"), "optimizers names 'generator', which lenet5 lacks"),
        (lenet(seeds="one"), "seeds 'one' are not a list"),
        (lenet(seeds="2-1"), "seeds '2-1' must be a rising range"),
        (lenet(seeds="0-99999999999"), "a rising range of at most 10,000 seeds up to 2147483647"),
        (lenet(seeds="18446744073709551617"), "seeds up to 2147483647"),
        (lenet(seeds="1,1"), "seeds '1,1' contain one of them twice"),
        ('lenet5\tmnist5k\t"a\tlenet5\t0\t\n' + lenet(), 'the cell "a has quotes; leave them out'),
        (f"lenet5\tmnist5k\t{'a' * 300}\tlenet5\t0\t", "may have at most 60 characters"),
        (lenet("epochs=1.5"), "1.5 is not of type 'integer'"),
        ("lenet6\tmnist5k\t\tlenet5\t0\t", "unknown model 'lenet6'; did you mean 'lenet5'"),
        ("lenet5\tmnits\t\tlenet5\t0\t", "unknown dataset 'mnits'; did you mean 'mnist'"),
        ("lenet5\tmnist5k\t\tlenet\t0\t", "unknown recipe 'lenet'; did you mean 'lenet5'"),
        ("lenet5\tmnist5k\t\tdcgan\t0\t", "recipe 'dcgan' is for adversarial, 'lenet5' for classification"),
        ("lenet5\tmnist5k\tA B\tlenet5\t0\t", "variant 'A B' may have at most 60"),
        ("lenet5\tmnist5k\t\tlenet5\t0\t\t\t", "8 cells for 6 columns"),
        ("lenet5\tmnist5k", "2 cells for 6 columns"),
        ("lenet5 mnist5k x lenet5 0 epochs=2", "1 cell for 6 columns; they are separated by tabs, not by spaces"),
        (lenet("epochs="), "epochs= has no value; give one"),
        (lenet("augment.crop_padding=28"), "can move an image of 28 pixels out of view"),
        (lenet("epochs = 2"), "key=value, without spaces around the ="),
        (lenet("epochs=2,batch_size=10"), "overrides are separated by spaces"),
    ],
)
def test_a_mistake_is_named_with_its_row(table, row, expected):
    path = table("# a comment", row)
    with pytest.raises(ConfigError) as error:
        load_runs(path)
    message = str(error.value)
    assert expected in message
    assert message.startswith(f"{path}, line 3")
    assert "\n" not in message


def test_a_whole_number_may_be_written_with_an_exponent(table):
    (run,) = load_runs(table(lenet("epochs=1e1 optimizer.lr=2e-4")))
    assert (run.recipe.epochs, type(run.recipe.epochs), run.recipe.optimizer["lr"]) == (10, int, 2e-4)


def test_a_network_under_a_wrong_name(table, tmp_path):
    entry = {"title": "M", "task": "classification", "citation": "me", "networks": {"clasifier": {"class": "my.Net"}}}
    (tmp_path / "models.yaml").write_text(yaml.safe_dump({"mine": entry}))
    with pytest.raises(ConfigError, match="mine needs a network 'classifier' in models.yaml; it has clasifier"):
        load_runs(table("mine\tmnist5k\t\tlenet5\t0\t"))


def test_a_catalogue_that_cannot_be_read(table, tmp_path):
    (tmp_path / "models.yaml").write_bytes(b"a: \xff")
    with pytest.raises(ConfigError, match="models.yaml: byte 3 is not UTF-8"):
        load_runs(table(lenet()))
    (tmp_path / "models.yaml").unlink()
    (tmp_path / "models.yaml").mkdir()
    with pytest.raises(ConfigError, match="the catalogue can.t be read .Is a directory."):
        load_runs(table(lenet()))


def test_a_row_that_stands_twice(table):
    with pytest.raises(ConfigError, match=r"line 3: lenet5-mnist5k is already in line 2; give one .* a variant"):
        load_runs(table(lenet(), lenet("epochs=3")))


def test_a_row_in_the_place_of_an_extractor(table):
    rows = ("lenet5\tmnist5k\textractor\tlenet5\t0\t", "dcgan\tmnist5k\t\tdcgan\t0\t")
    with pytest.raises(
        ConfigError, match="line 2: lenet5-mnist5k-extractor is an extractor's name; choose another variant"
    ):
        load_runs(table(*rows))


def test_a_model_on_images_that_it_cannot_take(table, tmp_path):
    data = yaml.safe_load((ROOT / "config/datasets.yaml").read_text())["mnist5k"] | {"shape": [1, 20, 20]}
    (tmp_path / "datasets.yaml").write_text(yaml.safe_dump({"tiny": data}))
    with pytest.raises(ConfigError, match="lenet5 takes images of 28 to any number of pixels, tiny has 20"):
        load_runs(table("lenet5\ttiny\t\tlenet5\t0\t"))


def test_unlabelled_images_have_no_classes(table, tmp_path):
    data = yaml.safe_load((ROOT / "config/datasets.yaml").read_text())["mnist5k"] | {"classes": None}
    (tmp_path / "datasets.yaml").write_text(yaml.safe_dump({"bare": data}))
    with pytest.raises(ConfigError, match="bare has no labels"):
        load_runs(table("lenet5\tbare\t\tlenet5\t0\t"))
    with pytest.raises(ConfigError, match="bare has no labels, which latent_classifier needs"):
        load_runs(table("vae\tbare\twith_classifier\tvae\t0\t"))
    assert load_runs(table("autoencoder\tbare\t\tautoencoder\t0\t"))


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("model dataset recipe seeds\n", "columns are separated by tabs, and this line has none"),
        ("model\tdataset\trecipes\tseeds\n", "unknown column 'recipes'; did you mean 'recipe'"),
        ("model\tdataset\trecipe\n", "the column 'seeds' is missing"),
    ],
)
def test_a_header_that_is_wrong(table, header, expected):
    with pytest.raises(ConfigError, match=expected):
        load_runs(table("x\ty\tz", header=header))


def test_another_optimizer_keeps_what_it_has_of_the_recipes_settings(table):
    (run,) = load_runs(table(lenet("optimizer.name=adam optimizer.lr=0.001")))
    assert run.recipe.optimizer == {"name": "adam", "lr": 0.001}
    run, _ = load_runs(table("dcgan\tmnist5k\t\tdcgan\t0\toptimizers.discriminator.name=sgd"))
    assert run.recipe.optimizer_of("discriminator") == {"name": "sgd", "lr": 0.0002}
    assert run.recipe.optimizer_of("generator") == run.recipe.optimizer


def test_a_table_that_is_not_there(tmp_path):
    with pytest.raises(ConfigError, match=r"nothere.tsv: the table can't be read \(No such file or directory\)"):
        load_runs(tmp_path / "nothere.tsv")


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("models", "a: [", "models.yaml, line 2: this is not YAML"),
        ("models", "12: {}", "line 1: the key 12 is not text; quote it"),
        ("models", "a: {}\na: {}", "line 2: the key 'a' appears twice"),
        ("models", "a: {title: A, task: classify, citation: b, networks: {}}", "a.task: 'classify' is not one of"),
        ("models", "my-net: {title: A}", "'my-net' is not valid; write letters, digits, underscores and dots"),
        ("models", "a: {titel: A}", "unknown key 'titel'; did you mean 'title'"),
        ("recipes", "a: {task: classification}", "is a required property"),
    ],
)
def test_a_catalogue_that_is_wrong(table, tmp_path, name, text, expected):
    (tmp_path / f"{name}.yaml").write_text(text + "\n")
    with pytest.raises(ConfigError, match=expected) as error:
        load_runs(table(lenet()))
    assert str(tmp_path) in str(error.value)


@pytest.fixture
def mine(tmp_path):
    """A classifier `mine` that takes images of any size."""
    entry = {
        "title": "Mine",
        "task": "classification",
        "citation": "me",
        "networks": {"classifier": {"class": "my.Net"}},
    }
    (tmp_path / "models.yaml").write_text(yaml.safe_dump({"mine": entry}))


def test_segmentation_needs_masks_and_they_are_no_labels(table, mine):
    with pytest.raises(
        ConfigError,
        match="line 2: mnist5k has no masks, which segmentation needs; choose one with masks, such as digit_scenes",
    ):
        load_runs(table("unet\tmnist5k\t\tunet\t0\t"))
    with pytest.raises(ConfigError, match="oxford_pet has no labels, which classification needs"):
        load_runs(table("mine\toxford_pet\t\tlenet5\t0\t"))


def test_only_segmentation_takes_images_that_are_not_square(table, mine):
    (run,) = load_runs(table("fcn8s\tcamvid\t\tfcn8s\t0\t"))
    assert run.shape == (3, 180, 240) and run.num_classes == 11
    with pytest.raises(ConfigError, match="mine takes square images, camvid has 240x180 pixels"):
        load_runs(table("mine\tcamvid\t\tlenet5\t0\t"))


@pytest.mark.parametrize("suite", ["quick", "full", "cpu", "reconstruction", "generators", "labels"])
def test_the_suites_are_valid(suite, tmp_path):
    runs = load_runs(ROOT / f"config/{suite}.tsv")
    assert len({run.name for run in runs}) == len(runs) > 0
    shutil.rmtree(tmp_path)
