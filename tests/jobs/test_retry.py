"""Which notes are forgotten so that their jobs are tried again."""

import json

import pytest

from nets.jobs import retry

NOTES = ("quick/runs/a-s0/manifest.json", "quick/runs/a-s0/metrics.json", "data/faces/dataset.json", "weights/w.json")


@pytest.fixture
def results(tmp_path):
    """A suite with a hole of each kind, and a run that is not a hole."""
    for name in (*NOTES, "quick/runs/b-s0/manifest.json"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"status": "ok" if "b-s0" in name else "no_data", "metrics": []}))
    return tmp_path


def test_damaged_notes_are_forgotten_too(results):
    for note in NOTES:
        (results / note).write_text("")
    assert retry.main(["--results", str(results / "quick")]) == 0
    assert not [note for note in NOTES if (results / note).exists()]


@pytest.mark.parametrize(("words", "kept"), [([], ()), (["--fetched"], NOTES[:2])])
def test_holes_are_forgotten(results, capsys, words, kept):
    assert retry.main(["--results", str(results / "quick"), *words]) == 0
    left = {str(path.relative_to(results)) for path in results.rglob("*.json")}
    assert left == {*kept, "quick/runs/b-s0/manifest.json"}
    assert capsys.readouterr().out.count("will be tried again") == (2 if kept else 3)
    assert retry.main(["--results", str(results / "quick"), *words]) == 0
    assert capsys.readouterr().out == ("" if kept else "There are no holes to try again.\n")


@pytest.mark.parametrize("link", ["quick/runs/c-s0", "data/c", "weights/c.json"])
def test_nothing_is_forgotten_behind_a_link(results, tmp_path_factory, capsys, link):
    theirs = tmp_path_factory.mktemp("theirs")
    (theirs / "manifest.json").write_text("{}")
    (theirs / "dataset.json").write_text("{}")
    (results / link).symlink_to(theirs)
    assert retry.main(["--results", str(results / "quick")]) == 1
    assert f"{link} is a link out of" in capsys.readouterr().err
    assert len(list(theirs.iterdir())) == 2 and all((results / note).exists() for note in NOTES)
