"""Keys of stages: the names of checkpoints, what a stage notes about itself, and what has changed since."""

import dataclasses
import json

import pytest

from nets.errors import UserError
from nets.suite import changes, keys


def test_all_that_decides_a_training_is_in_its_key(run_of):
    run = run_of("dcgan")
    other = dataclasses.replace(run, seed=1)
    arguments = [(run, {"a": "1"}, None, None, "2.0"), (other, {"a": "1"}, None, None, "2.0")]
    arguments += [(run, {"a": "2"}, None, None, "2.0"), (run, None, None, None, "2.0")]
    arguments += [(run, {"a": "1"}, "x", None, "2.0"), (run, {"a": "1"}, None, "x", "2.0")]
    arguments += [(run, {"a": "1"}, None, None, "2.1")]
    names = [keys.checkpoint_key(keys.training_facts(*each)) for each in arguments]
    assert len(set(names)) == len(arguments) and all(len(key) == 64 for key in names)
    assert names[0] == keys.checkpoint_key(keys.training_facts(*arguments[0]))


def test_fidelity_is_a_part_of_runs_whose_samples_are_measured(run_of):
    for stage in ("train", "evaluate"):
        rooms = [{file.split("/")[1] for file in keys.run_source(stage, run_of(m)).files} for m in ("lenet5", "dcgan")]
        assert "fidelity" not in rooms[0] and "fidelity" in rooms[1]


def test_training_knows_no_test_metric_and_no_other_network(run_of):
    known = keys.run_source("train", run_of("lenet5")).definitions
    assert ("nets/tasks/classification.py", "Classification.step") in known
    assert not {name for file, name in known if file == "nets/tasks/classification.py"} & {
        "Classification.evaluate",
        "Classification.worst",
        "WORST",
    }
    assert {name for file, name in known if file == "nets/metrics/classification.py"} == {"nll", "top_k"}
    assert not any(file.startswith(("nets/machine/", "nets/suite/", "nets/errors", "nets/files")) for file, _ in known)
    assert {file for file, _ in known if "models" in file} == {"nets/models/lenet.py", "nets/models/pooling.py"}


def test_templates_are_a_part_of_pages_and_tables():
    for stage in ("compare", "report"):
        assert "nets/reporting/page/templates/assets/report.css" in keys.stage_source(stage).files


@pytest.mark.parametrize("stage", keys.ROOTS)
def test_every_stage_has_a_source(stage, run_of):
    run = run_of("lenet5")
    source = keys.run_source(stage, run) if stage in ("train", "evaluate") else keys.stage_source(stage)
    assert len(source.digest) == 12 and source.files


def test_stages_note_what_they_are_made_of(tmp_path):
    assert keys.recorded(tmp_path) == {}
    keys.record(tmp_path, "train", {"torch": "2"})
    keys.record(tmp_path, "draw", {"source": {}})
    keys.record(tmp_path, "train", {"torch": "3"})
    assert keys.recorded(tmp_path) == {"train": {"torch": "3"}, "draw": {"source": {}}}
    (tmp_path / keys.MADE_OF).write_text("{")
    assert keys.recorded(tmp_path) == {}


def test_a_module_that_python_does_not_find_is_told():
    keys.check_findable(["nets.models.lenet", "json"])
    with pytest.raises(UserError, match="Python finds no module 'nets.models.lenet6'"):
        keys.check_findable(["nets.models.lenet6"])


def test_differences_name_keys_and_values(run_of):
    then, now = (json.loads(run_of("lenet5", overrides).to_json()) for overrides in ("", "optimizer.lr=0.5 epochs=1"))
    clauses = changes.differences(then, now)
    assert clauses[0].startswith("epochs was ") and clauses[0].endswith(" and is 1") and len(clauses) == 2
    assert changes.differences(then, then) == []
    assert changes.differences(then, then | {"title": "LeNet"}) == ['title was "LeNet-5" and is "LeNet"']
    assert changes.differences({"a": {"b": "0" * 64}}, {"a": {"c": [1]}}) == [
        'a.b was "00000000…" and is not set',
        "a.c was not set and is [1]",
    ]


def test_many_files_are_counted():
    then = {f"nets/{letter}.py": "1" for letter in "abcdef"}
    assert changes.files(then, then) == []
    assert changes.files(then, then | {"nets/a.py": "2"}) == ["nets/a.py has changed"]
    assert changes.files(then, {}) == [
        "6 source files have changed, among them nets/a.py, nets/b.py, nets/c.py, nets/d.py"
    ]
