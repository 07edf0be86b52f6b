"""Kept weights give their numbers again, and what differs is named."""

import json

import pytest

from nets.jobs import verify
from tests.record.conftest import NAME, changed


@pytest.fixture
def folder(suite, digits):
    """The suite, beside the prepared data."""
    (suite.parent / "data").symlink_to(digits.parent)
    return suite


def said(folder, capsys, run: str = NAME) -> tuple[int, str, str]:
    status = verify.main(["--results", str(folder), "--run", run])
    return status, *capsys.readouterr()


def set_nll(folder, change) -> None:
    def edit(content):
        entry = next(each for each in content["metrics"] if each["metric"] == "nll")
        entry["value"] = change(entry["value"])

    changed(folder / f"runs/{NAME}/metrics.json", edit)


def test_the_same_weights_give_the_same_numbers(folder, capsys):
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert verify.main(["--results", str(folder)]) == 0
    assert capsys.readouterr().out == f"{NAME}: identical\n{NAME[:-1]}1: identical\n"
    assert before == {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_small_differences_are_within_the_tolerance_and_the_machine_is_named(folder, capsys):
    set_nll(folder, lambda value: value * (1 + 5e-4))
    changed(folder / f"runs/{NAME}/manifest.json", lambda c: c["hardware"].update(cpu="Another CPU"))
    changed(folder / f"runs/{NAME}/manifest.json", lambda c: c["packages"].update(torch="2.11.0"))
    status, out, _ = said(folder, capsys)
    assert status == 0 and out.startswith(f"{NAME}: within the declared tolerance\n  numbers: test nll ")
    assert 'hardware: hardware.cpu was "Another CPU" and is ' in out
    assert 'software: packages.torch was "2.11.0" and is ' in out


def test_large_differences_are_different_and_what_differs_is_named(folder, capsys):
    set_nll(folder, lambda value: value * 1.01)
    changed(folder / f"runs/{NAME}/made_of.json", lambda c: c["train"]["data"].update({"test/images.npy": "ab" * 32}))
    changed(
        folder / f"runs/{NAME}/made_of.json", lambda c: c["evaluate"]["source"].update({"nets/evaluation.py": "00"})
    )
    lines = (folder / "runs.jsonl").read_text()
    (folder / "runs.jsonl").write_text(lines.replace('"epochs": 1,', '"epochs": 2,'))
    status, out, err = said(folder, capsys)
    assert status == 1 and out.startswith(f"{NAME}: different\n  numbers: test nll ") and "tolerance 0.1 %" in out
    assert "description: epochs was 1 and is 2" in out
    assert "data: test/images.npy has changed" in out
    assert "nets/evaluation.py has changed" in out
    assert "1 of 1 runs could not be verified" in err


def test_files_that_were_altered_are_told(folder, capsys):
    (folder / f"runs/{NAME}/best.safetensors").write_bytes(b"x")
    status, out, _ = said(folder, capsys)
    assert status == 1 and "best.safetensors is not what its manifest names (SHA-256)" in out


def test_a_hole_and_missing_data_are_told(folder, capsys):
    changed(folder / f"runs/{NAME}/metrics.json", lambda content: content.update(status="failed", reason="It failed."))
    assert "is a hole (failed), so there are no weights to measure again" in said(folder, capsys)[1]
    (folder.parent / "data").unlink()
    assert "has no prepared data" in said(folder, capsys, NAME.replace("s0", "s1"))[1]
    assert json.loads((folder / f"runs/{NAME}/metrics.json").read_text())["status"] == "failed"
