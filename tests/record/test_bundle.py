"""A bundle holds what it says, gives the same bytes, and is read with suspicion."""

import gzip
import io
import json
import shutil
import tarfile

import pytest

from nets.errors import UserError
from nets.files import sha256
from nets.jobs import bundle as job
from nets.jobs import verify
from nets.record.bundle import MANIFEST, unpack
from tests.record.conftest import NAME, changed


@pytest.fixture
def work(suite, digits, tmp_path, monkeypatch):
    """A working folder with the suite `tiny` and its prepared data."""
    folder = tmp_path / "work"
    (folder / "results").mkdir(parents=True)
    shutil.move(suite, folder / "results/tiny")
    (folder / "results/data").symlink_to(digits.parent)
    monkeypatch.chdir(folder)
    return folder


def packed(work, *words: str):
    assert job.main(["--results", "results/tiny", *words]) == 0
    name = words[1] if words[:1] == ("--run",) else "tiny"
    return work / f"results/tiny/bundles/{name}.tar.gz"


def members(path) -> dict[str, bytes]:
    with tarfile.open(path) as tar:
        return {member.name: tar.extractfile(member).read() for member in tar}


def test_a_run_travels_whole_and_is_verified_elsewhere(work, capsys, tmp_path, digits):
    path = packed(work, "--run", NAME)
    assert "make verify BUNDLE=results/tiny/bundles/" in capsys.readouterr().out
    content = members(path)
    manifest = json.loads(content.pop(MANIFEST))
    assert manifest["files"] == {n: {"sha256": sha256(each), "size": len(each)} for n, each in content.items()}
    assert manifest["runs"] == [NAME]
    run = f"results/tiny/runs/{NAME}"
    for name in (
        "config.json",
        "manifest.json",
        "metrics.json",
        "history.csv",
        "model.safetensors",
        "best.safetensors",
    ):
        assert content[f"{run}/{name}"] == (work / run / name).read_bytes()
    assert b"softmax\tmnist5k\t\tsoftmax\t0\tepochs=1\n" in content["tiny.tsv"]
    assert b"torch==" in content["packages.txt"] and b"make verify BUNDLE=" in content["README.txt"]
    assert json.loads(content["data/mnist5k.json"])["hashes"]["test/images.npy"]
    assert not any("logs" in name or "checkpoints" in name for name in content)
    assert str(work).encode() not in b"".join(content.values()), "no path of this machine"
    shutil.rmtree(work / "results/tiny/runs")
    assert verify.main(["--bundle", str(path)]) == 0
    assert capsys.readouterr().out == f"{NAME}: identical\n"
    assert not (work / "results/tiny/runs").exists(), "nothing is written here"


def test_a_suite_travels_with_tables_and_report_and_without_holes(work, capsys):
    changed(work / f"results/tiny/runs/{NAME}/metrics.json", lambda c: c.update(status="failed", reason="x"))
    for name in ("report.html", "metrics.csv", "tables/a.csv", "report/models/a.html"):
        (work / "results/tiny" / name).parent.mkdir(exist_ok=True, parents=True)
        (work / "results/tiny" / name).write_text("text")
    path = packed(work)
    assert f"left out: {NAME}, which has no result (make run RETRY=1 TABLE=tiny.tsv" in capsys.readouterr().out
    content = members(path)
    assert {
        f"results/tiny/{name}" for name in ("report.html", "metrics.csv", "tables/a.csv", "report/models/a.html")
    } <= content.keys()
    assert verify.main(["--bundle", str(path)]) == 0
    assert capsys.readouterr().out == f"{NAME.replace('s0', 's1')}: identical\n"


def test_the_same_runs_give_the_same_bytes(work):
    first = packed(work, "--run", NAME).read_bytes()
    (work / f"results/tiny/runs/{NAME}/metrics.json").touch()
    assert packed(work, "--run", NAME).read_bytes() == first


def test_altered_files_are_not_packed(work, capsys):
    (work / f"results/tiny/runs/{NAME}/best.safetensors").write_bytes(b"x")
    assert job.main(["--results", "results/tiny", "--run", NAME]) == 1
    assert "best.safetensors is not what its manifest names" in capsys.readouterr().err
    assert job.main(["--results", "results/tiny", "--run", "lenet5-mnist5k-s0"]) == 1
    assert "has no run lenet5-mnist5k-s0" in capsys.readouterr().err


def test_data_that_are_missing_are_told(work, capsys):
    path = packed(work, "--run", NAME)
    (work / "results/data").unlink()
    assert verify.main(["--bundle", str(path)]) == 1
    assert "has no mnist5k, of which" in capsys.readouterr().err


def forged(path, change, compress=gzip.compress):
    """A bundle whose members a function has changed: a list of (TarInfo, bytes)."""
    with tarfile.open(path) as tar:
        parts = [(member, tar.extractfile(member).read()) for member in tar]
    parts = change(parts) or parts
    text = io.BytesIO()
    with tarfile.open(fileobj=text, mode="w") as tar:
        for member, content in parts:
            member.size = len(content) if member.isreg() else 0
            tar.addfile(member, io.BytesIO(content))
    forgery = path.with_name("forged.tar.gz")
    forgery.write_bytes(compress(text.getvalue()))
    return forgery


def member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, link
    return info


def with_manifest(parts, change):
    manifest = json.loads(parts[0][1])
    change(manifest)
    return [(parts[0][0], json.dumps(manifest).encode()), *parts[1:]]


BAD = {
    "a file that the manifest does not name": lambda p: [*p, (member("more.txt"), b"x")],
    "a path that leads out": lambda p: with_manifest(
        [*p, (member("../out.txt"), b"x")],
        lambda m: m["files"].update({"../out.txt": {"size": 1, "sha256": sha256(b"x")}}),
    ),
    "a path from the root": lambda p: with_manifest(
        [*p, (member("/tmp/out.txt"), b"x")],
        lambda m: m["files"].update({"/tmp/out.txt": {"size": 1, "sha256": sha256(b"x")}}),
    ),
    "a link": lambda p: [*p[:1], (member("README.txt", tarfile.SYMTYPE, "/etc/passwd"), b""), *p[2:]],
    "a hard link": lambda p: [*p[:1], (member("README.txt", tarfile.LNKTYPE, "packages.txt"), b""), *p[2:]],
    "a device": lambda p: [*p[:1], (member("README.txt", tarfile.CHRTYPE), b""), *p[2:]],
    "another content": lambda p: [*p[:1], (p[1][0], b"y" * len(p[1][1])), *p[2:]],
    "a larger file": lambda p: [*p[:1], (p[1][0], p[1][1] + b"y"), *p[2:]],
    "a file twice": lambda p: [*p, p[1]],
    "a missing file": lambda p: p[:-1],
    "no manifest": lambda p: p[1:],
    "another format": lambda p: with_manifest(p, lambda m: m.update(format=2)),
    "a suite that is a path": lambda p: with_manifest(p, lambda m: m.update(suite="../x")),
    "a run that is a path": lambda p: with_manifest(p, lambda m: m.update(runs=["../x"])),
    "a manifest of nothing": lambda p: with_manifest(p, lambda m: m.update(files=[])),
}


@pytest.mark.parametrize("what", BAD)
def test_a_forged_bundle_is_refused(work, tmp_path, what):
    folder = tmp_path / "unpacked"
    folder.mkdir()
    with pytest.raises(UserError):
        unpack(forged(packed(work, "--run", NAME), BAD[what]), folder)
    assert not (tmp_path / "out.txt").exists() and not any(path.is_symlink() for path in folder.rglob("*"))


def test_sizes_are_limited_before_anything_is_unpacked(work, tmp_path):
    path = packed(work, "--run", NAME)
    folder = tmp_path / "unpacked"
    folder.mkdir()
    with pytest.raises(UserError, match="it is not unpacked"):
        unpack(path, folder, largest=1000)
    huge = forged(path, lambda p: with_manifest(p, lambda m: m["files"]["README.txt"].update(size=10**15)))
    with pytest.raises(UserError, match="more than 50 GB"):
        unpack(huge, folder)
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("content", [b"", b"no archive", gzip.compress(b"no archive either" * 100, mtime=0)])
def test_what_is_no_bundle_is_told(tmp_path, content):
    (tmp_path / "x.tar.gz").write_bytes(content)
    with pytest.raises(UserError, match="x.tar.gz"):
        unpack(tmp_path / "x.tar.gz", tmp_path)
    with pytest.raises(UserError, match="is missing; correct the path"):
        unpack(tmp_path / "none.tar.gz", tmp_path)
