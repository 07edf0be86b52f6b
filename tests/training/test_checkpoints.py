"""Checkpoints appear complete or not at all, and are never used by another description."""

import json

import pytest
import torch

from nets.files import sha256
from nets.training.checkpoints import KEPT, Checkpoints

CPU, KIND = torch.device("cpu"), "cpu-float32"


def state(value: float) -> dict:
    return {"weights": torch.full((1000,), value), "step": int(value)}


def test_the_newest_is_loaded_and_few_are_kept(tmp_path):
    checkpoints = Checkpoints(tmp_path / "c", "a" * 64, KIND)
    for step in (1, 2, 10):
        checkpoints.save(step, state(step))
    assert checkpoints.load(CPU)["step"] == 10
    assert len(list((tmp_path / "c").iterdir())) == KEPT


def test_a_truncated_or_altered_one_is_passed_over(tmp_path):
    for harm in (lambda data: data[:100], lambda data: data[:2000] + bytes([data[2000] ^ 1]) + data[2001:]):
        checkpoints = Checkpoints(tmp_path / "c", "a" * 64, KIND)
        checkpoints.save(1, state(1))
        checkpoints.save(2, state(2))
        newest = checkpoints.paths()[-1]
        newest.write_bytes(harm(newest.read_bytes()))
        assert checkpoints.load(CPU)["step"] == 1
        checkpoints.clear()


def test_results_damaged_since_are_not_put_back(tmp_path):
    run = tmp_path / "run"
    run.mkdir()
    checkpoints, weights = Checkpoints(run / "c", "a" * 64, KIND), run / "model.safetensors"
    for harm, put_back in ((None, True), (b"junk", False)):
        weights.write_bytes(b"weights")
        checkpoints.finish([weights])
        if harm:
            weights.write_bytes(harm)  # in place, so under both names
        weights.unlink()
        assert checkpoints.put_back(run) is put_back is weights.exists()
    assert not checkpoints.put_back(run)


def test_another_descriptions_checkpoints_are_not_read(tmp_path):
    Checkpoints(tmp_path, "a" * 64, KIND).save(1, state(1))
    assert Checkpoints(tmp_path, "b" * 64, KIND).load(CPU) is None


def test_those_of_another_kind_of_device_are_kept_but_not_read(tmp_path):
    kinds = [Checkpoints(tmp_path, "a" * 64, kind) for kind in (KIND, "cuda-float32", "cuda-bfloat16")]
    assert kinds[0].other_kinds() == []
    for step in (1, 2, 3):
        kinds[0].save(step, state(step))
    assert all(others.load(CPU) is None and others.other_kinds() == [KIND] for others in kinds[1:])
    for others in kinds[1:]:
        others.save(9, state(9))
    assert kinds[0].load(CPU)["step"] == 3 and kinds[0].other_kinds() == ["cuda-bfloat16", "cuda-float32"]
    assert Checkpoints(tmp_path, "b" * 64, KIND).other_kinds() == []


def test_finished_results_are_put_back_on_every_kind_of_device(tmp_path):
    weights = tmp_path / "model.safetensors"
    weights.write_bytes(b"weights")
    Checkpoints(tmp_path / "c", "a" * 64, "cuda-bfloat16").finish([weights])
    weights.unlink()
    assert Checkpoints(tmp_path / "c", "a" * 64, KIND).put_back(tmp_path) and weights.read_bytes() == b"weights"


def test_an_unfinished_write_is_not_seen(tmp_path):
    checkpoints = Checkpoints(tmp_path, "a" * 64, KIND)
    checkpoints.save(1, state(1))
    (tmp_path / f"{'a' * 16}-{KIND}-000000002.tmp").write_bytes(b"half")
    assert checkpoints.load(CPU)["step"] == 1


def test_clear_leaves_nothing(tmp_path):
    checkpoints = Checkpoints(tmp_path / "c", "a" * 64, KIND)
    checkpoints.clear()
    checkpoints.save(1, state(1))
    checkpoints.clear()
    assert not (tmp_path / "c").exists()


@pytest.mark.parametrize("name", ["../../victim", "/victim"])
def test_names_of_results_lead_nowhere_else(tmp_path, name):
    run, victim = tmp_path / "run", tmp_path / "victim"
    run.mkdir()
    victim.write_bytes(b"theirs")
    checkpoints = Checkpoints(run / "c", "a" * 64, KIND)
    (run / "metrics.json").write_bytes(b"ours")
    checkpoints.finish([run / "metrics.json"])
    name = name if name.startswith("..") else str(victim)
    (checkpoints.finished / "sha256.json").write_text(json.dumps({name: sha256(victim)}))
    assert not checkpoints.put_back(run)
    assert victim.read_bytes() == b"theirs"
