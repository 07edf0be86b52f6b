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
