"""What an edit of the source reruns, and how `make why` explains it."""

import json
import re

import pytest

AUTOENCODER, LENET = "conv_autoencoder-mnist5k-s0", "lenet5-mnist5k-s0"
METRIC = '''

def errors(logits, labels):
    """Percent of wrong answers."""
    return 100 - top_k(logits, labels, 1)
'''
ENTRY = 'Metric("Errors", "%", 2, "lower", "Percent of wrong answers.", errors)'


def jobs(project, *rules):
    """The runs that a dry run would process, for each of some rules."""
    planned = project.planned()
    return [{run for rule, run in planned if rule == wanted} for wanted in rules]


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("training/loop.py", "class Training:", "# A comment.\nclass Training:"),
        ("training/loop.py", '"""', '"""Another docstring. '),
        ("tasks/classification.py", '    """', '    """Another docstring. '),
        ("machine/progress.py", "EVERY = 10.0", "EVERY = 20.0"),
        ("data/polynomials.py", "VERSION = ", "OTHER = "),
        ("models/lenet.py", "class LeNet5", "class Another:\n    pass\n\n\nclass LeNet5"),
    ],
)
def test_what_can_change_no_number_reruns_nothing(finished, edit, file, old, new):
    edit(finished.folder / "nets" / file, old, new)
    assert not finished.planned()
    assert finished.why(LENET) == f"Nothing would rerun {LENET}.\n"


def test_a_new_test_metric_evaluates_and_trains_nothing(finished, edit):
    metrics = finished.folder / "nets/metrics/classification.py"
    edit(metrics, "\n\nMETRICS = Table({", f"{METRIC}\n\nMETRICS = Table({{")
    edit(metrics, '    "ece":', f'    "errors": {ENTRY},\n    "ece":')
    trained, evaluated = jobs(finished, "train", "evaluate")
    assert trained == set()
    classifiers = {"lenet5-mnist5k-s0", "lenet5-mnist5k-s1", "lenet5-mnist5k-extractor-s0", "lenet5-cifar10-s0"}
    assert evaluated == classifiers
    why = finished.why(LENET)
    assert f"{LENET}: evaluate and draw would run." in why
    assert "evaluate: nets/metrics/classification.py has changed" in why


def test_an_edited_loss_trains_its_task_alone(finished, edit):
    task = finished.folder / "nets/tasks/reconstruction.py"
    edit(task, "distortion.mean() / pixels", "2 * distortion.mean() / pixels")
    trained, evaluated = jobs(finished, "train", "evaluate")
    assert trained == evaluated == {AUTOENCODER}
    why = finished.why(AUTOENCODER)
    assert f"{AUTOENCODER}: train, evaluate and draw would run." in why
    assert "  train: nets/tasks/reconstruction.py has changed.\n" in why
    assert finished.why(LENET) == f"Nothing would rerun {LENET}.\n"


def test_an_edited_model_trains_its_own_runs_alone(finished, edit):
    edit(finished.folder / "nets/models/autoencoder.py", "def encode(", "def unused(self): ...\n\n    def encode(")
    assert jobs(finished, "train") == [{AUTOENCODER}]


def test_an_edited_figure_draws(finished, edit):
    style = finished.folder / "nets/reporting/figures/style.py"
    edit(style, "\ndef log_y(", "\nUNUSED = 1\n\n\ndef log_y(")
    assert not finished.planned()
    edit(style, "rows: int = 1", "rows: int = 2")
    trained, evaluated, drawn = jobs(finished, "train", "evaluate", "draw")
    assert not trained and not evaluated and len(drawn) == 6


def test_an_edited_reader_prepares_its_own_data_alone(finished, edit):
    (finished.work / "both.tsv").write_text(
        "model\tdataset\tvariant\trecipe\tseeds\toverrides\nmlp\tpolynomials\t\tmlp\t0\t\nmlp\tmnist5k\t\tmlp\t0\t\n"
    )
    result = finished.snakemake("--config", "table=both.tsv", "--", "results/data/polynomials/dataset.json")
    assert result.returncode == 0, result.stdout

    def prepared():
        arguments = ("-n", "--quiet", "host", "--config", "table=both.tsv")
        return re.findall(r"^rule prepare:.*?dataset=(\w+)", finished.snakemake(*arguments).stdout, re.M | re.S)

    assert prepared() == []
    edit(finished.folder / "nets/data/polynomials.py", "VERSION = 1", "VERSION = 1 + 0")
    assert prepared() == ["polynomials"]
    why = finished.why("mlp-polynomials-s0", "both.tsv")
    assert "  prepare polynomials: nets/data/polynomials.py has changed.\n" in why
    assert "  train: it has not run yet.\n" in why


def test_why_names_the_key_of_the_description(finished, edit):
    edit(finished.table, "epochs=1 model.widths", "epochs=2 optimizer.lr=0.5 model.widths")
    why = finished.why(AUTOENCODER)
    assert re.search(r"  train: epochs was 1 and is 2; optimizer\.lr was [\d.]+ and is 0\.5\.\n", why), why
    assert "  evaluate: what it reads is made again.\n" in why


def test_why_names_what_is_missing_torch_and_the_data(finished, edit):
    run, made_of = finished.work / "results/tiny/runs" / LENET, "made_of.json"
    kept = (run / "history.csv").rename(run / "kept")
    try:
        assert "  train: history.csv is missing.\n" in finished.why(LENET)
    finally:
        kept.rename(run / "history.csv")
    torch = json.loads((run / made_of).read_text())["train"]["torch"]
    edit(run / made_of, torch, "1.0")
    why = finished.why(LENET)
    assert f"Nothing would rerun {LENET}. But torch was 1.0 and is {torch}; delete its folder to train it anew." in why
    edit(
        finished.folder / "nets/tasks/classification.py",
        "label_smoothing=self",
        "reduction='mean', label_smoothing=self",
    )
    sha256 = json.loads((finished.work / "results/data/mnist5k/dataset.json").read_text())["hashes"]
    edit(run / made_of, sha256["learning/images.npy"], "0" * 64)
    train = next(line for line in finished.why(LENET).splitlines() if line.startswith("  train:"))
    assert "the prepared data have changed; torch was 1.0" in train


def test_why_of_a_run_that_is_not_there(project):
    with pytest.raises(
        AssertionError, match="tiny.tsv has no run lenet5-mnist5k-s7; did you mean 'lenet5-mnist5k-s[01]'"
    ):
        project.why("lenet5-mnist5k-s7")
