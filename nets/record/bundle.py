"""Runs in one file, for the appendix of a paper: everything that says what they are, with a hash of each file.

A bundle is `<name>.tar.gz`. Its first member is `manifest.json`, which names all others with their sizes and SHA-256.
The same runs give the same bytes. What is read from a bundle of somebody else is believed as results are, and no more
(docs/trust.md): only the files of its manifest are unpacked, into an empty folder, up to a limit.
"""

import contextlib
import gzip
import importlib.metadata
import io
import json
import shutil
import tarfile
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from nets.errors import UserError
from nets.files import atomic, read_json, sha256
from nets.record.measured import command, names_of
from nets.record.verification import kept
from nets.reporting.results import load_results
from nets.run import Run
from nets.suite import paths
from nets.suite.catalogues import ROOT
from nets.suite.keys import MADE_OF
from nets.suite.table import table_of
from nets.trust import check_name

MANIFEST, FORMAT = "manifest.json", 1
OF_A_RUN = (*paths.TRAINED, "best.safetensors", *paths.EVALUATED, "timing.json", paths.REPEATED, "costs.json", MADE_OF)
OF_A_SUITE = ("metrics.csv", "report.html", "report/**/*", "tables/*", "figures/*")
OF_DATA = ("title", "licence", "citation", "url", "shape", "classes", "counts", "class_counts", "splits", "hashes")
LARGEST_MANIFEST, LARGEST, MOST_FILES = 100_000_000, 50_000_000_000, 1_000_000  # bytes, bytes, files
READ_ME = """{title}

Made with nets {revision}. The folders are those of results/ in a checkout.

To see them: results/{suite}/runs/<run>/config.json is what a run is, metrics.json its numbers, figures/ its pictures,
manifest.json its machine, packages and times. data/ says which data they are of, by hash; packages.txt what was
installed, requirements.lock what nets asks for.

To verify them, in a checkout of that revision ({suite}.tsv is the table of these runs):

    {fetch}
    make verify BUNDLE={file}

To train them again: {again}
To use a network: nets.load("results/{suite}/runs/<run>"), in Python, where the bundle was unpacked.
"""


def bundle(results: Path, runs: list[str], output: Path, whole: bool) -> dict[str, Any]:
    """Write the bundle of some runs, with those that they need, or of a `whole` suite; returns its manifest.

    Raises UserError if a run is a hole, or if its files are not those that were written.
    """
    names = needed(results, runs)
    for name in names:
        kept(results, name)
    content: dict[str, Path | bytes] = {}
    for name in names:
        content |= files_of_run(results, name)
    content |= references(results, names)
    content |= texts(results, runs, names, output)
    if whole:
        for pattern in OF_A_SUITE:
            content |= {place(results, path): path for path in sorted(results.glob(pattern)) if path.is_file()}
    files = {name: {"sha256": sha256(each), "size": size(each)} for name, each in sorted(content.items())}
    manifest = {"format": FORMAT, "suite": results.name, "runs": runs, "beside": sorted(set(names) - set(runs))}
    manifest |= {"files": files}
    write(content, manifest, output)
    return manifest


def with_results(results: Path) -> tuple[list[str], list[str]]:
    """The runs of a suite that have a result, and the holes. Raises UserError if none has one."""
    names_of(results)  # raises the sentence about a folder without results
    found = load_results(results, results / "runs.txt")
    good = [result.name for result in found if result.ok]
    if not good:
        raise UserError(f"No run of {results} has a result.")
    return good, [result.name for result in found if not result.ok]


def needed(results: Path, runs: Iterable[str]) -> list[str]:
    """Runs, after those that they start from, and those that measure their samples; each once."""
    order: dict[str, None] = {}
    for name in runs:
        folder = Path(paths.run_folder(str(results), check_name(name, "A run")))
        if not (folder / "config.json").exists():
            raise UserError(f"{results} has no run {name}; `make plan` lists the runs of a suite.")
        run = Run.load(folder)
        start = run.pretrained["name"] if run.pretrained and run.pretrained["kind"] == "run" else None
        others = [start, run.fidelity["indomain"] if run.fidelity else None]
        order |= dict.fromkeys(needed(results, [other for other in others if other]))
        order[name] = None
    return list(order)


def place(results: Path, path: Path) -> str:
    """The name of a file of a suite in a bundle."""
    return f"results/{results.name}/{path.relative_to(results).as_posix()}"


def files_of_run(results: Path, name: str) -> dict[str, Path]:
    """The files of a run: without logs, which may name folders of this machine, and without checkpoints."""
    folder = Path(paths.run_folder(str(results), name))
    figures = sorted(path for path in (folder / paths.FIGURES).glob("*") if not path.name.startswith("."))
    found = [*(folder / each for each in OF_A_RUN), *figures]
    return {place(results, path): path for path in found if path.is_file()}


def references(results: Path, names: Iterable[str]) -> dict[str, Path]:
    """The features of real images with which samples were compared."""
    found: dict[str, Path] = {}
    for name in names:
        run = Run.load(Path(paths.run_folder(str(results), name)))
        for note in map(Path, paths.references_of(str(results), run)):
            found |= {place(results, path): path for path in (note, note.with_name("features.npy")) if path.exists()}
    return found


def texts(results: Path, runs: list[str], names: list[str], output: Path) -> dict[str, Path | bytes]:
    """What is written for the bundle: a page to read first, descriptions, data, packages."""
    described = [Run.load(Path(paths.run_folder(str(results), name))) for name in names]
    revisions = {read_json(results / "runs" / name / MANIFEST).get("revision") or "unknown" for name in names}
    again = command(results.name)
    title = runs[0] if len(runs) == 1 else f"{results.name}, {len(runs)} runs"
    words = {"revision": ", ".join(sorted(revisions)), "suite": results.name, "file": output.name, "again": again}
    words |= {"title": title, "fetch": again.replace("make run", "make fetch")}
    rows = table_of((run.row, run.seed) for run in described if run.purpose == "benchmark")
    installed = sorted(f"{each.metadata['Name']}=={each.version}" for each in importlib.metadata.distributions())
    found: dict[str, Path | bytes] = {
        "README.txt": READ_ME.format(**words).encode(),
        "packages.txt": ("\n".join(dict.fromkeys(installed)) + "\n").encode(),
        "requirements.lock": ROOT / "requirements.lock",
        f"{results.name}.tsv": rows.encode(),
        f"results/{results.name}/runs.txt": "".join(f"{name}\n" for name in names).encode(),
        f"results/{results.name}/runs.jsonl": "".join(run.to_json(None) + "\n" for run in described).encode(),
    }
    for dataset in {run.dataset: run for run in described}:
        note = results.parent / "data" / dataset / "dataset.json"
        info = read_json(note) if note.exists() else {}
        facts = {key: info[key] for key in OF_DATA if key in info}
        found[f"data/{dataset}.json"] = json.dumps(facts, indent=1, sort_keys=True).encode()
    return {name: each for name, each in found.items() if isinstance(each, bytes) or each.exists()}


def size(each: Path | bytes) -> int:
    """Bytes of a file, or of what will be one."""
    return len(each) if isinstance(each, bytes) else each.stat().st_size


def write(content: dict[str, Path | bytes], manifest: dict[str, Any], output: Path) -> None:
    """Write a bundle; the same content gives the same bytes."""
    first = json.dumps(manifest, indent=1).encode()
    with atomic(output) as temporary, open(temporary, "wb") as file:
        packed = gzip.GzipFile("", "wb", 6, file, mtime=0)
        with packed, tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as tar:
            for name, each in [(MANIFEST, first), *sorted(content.items())]:
                member = tarfile.TarInfo(name)
                member.size, member.mode = size(each), 0o644
                with io.BytesIO(each) if isinstance(each, bytes) else open(each, "rb") as source:
                    tar.addfile(member, source)


def unpack(path: Path, folder: Path, largest: int = LARGEST) -> dict[str, Any]:
    """Unpack a bundle into an empty folder; returns its manifest.

    Raises UserError if it is no bundle, if it is larger than `largest` bytes or than the disk, if a member is no plain
    file or is not in the manifest, and if one is missing or has another SHA-256.
    """
    try:
        with tarfile.open(path, "r:gz") as tar:
            members = iter(tar)
            manifest = read_manifest(tar, next(members, None), path)
            check_room(manifest["files"], folder, path, largest)
            return unpack_files(tar, members, manifest, folder, path)
    except FileNotFoundError:
        raise UserError(f"{path} is missing; correct the path.") from None
    except (tarfile.TarError, gzip.BadGzipFile, EOFError, OSError, ValueError) as error:
        if isinstance(error, UserError):
            raise
        raise UserError(f"{path} can't be read as a bundle ({error}); get it again.") from None


@contextlib.contextmanager
def unpacked(path: Path) -> Iterator[tuple[Path, list[str]]]:
    """A bundle in a folder of its own, which is the working folder meanwhile: its results, and the names of its runs.

    The prepared data and fetched weights beside it are those of the present working folder. Raises UserError.
    """
    path, shared = path.absolute(), {name: Path(name).absolute() for name in (paths.DATA, paths.WEIGHTS)}
    with tempfile.TemporaryDirectory(prefix="nets-bundle-") as folder:
        manifest = unpack(path, Path(folder))
        for name, own in shared.items():
            Path(folder, name).parent.mkdir(exist_ok=True)
            Path(folder, name).symlink_to(own)
        for run in (Run.load(Path(folder, "results", manifest["suite"], "runs", name)) for name in manifest["runs"]):
            if not Path(folder, paths.prepared(run.dataset)[0]).exists():
                fetch = command(manifest["suite"]).replace("make run", "make fetch")
                raise UserError(f"{paths.DATA} has no {run.dataset}, of which {run.name} is; prepare it: {fetch}")
        with contextlib.chdir(folder):
            yield Path("results", manifest["suite"]), manifest["runs"]


def read_manifest(tar: tarfile.TarFile, member: tarfile.TarInfo | None, path: Path) -> dict[str, Any]:
    """The manifest of a bundle, checked. Raises UserError."""
    if member is None or member.name != MANIFEST or not member.isreg() or member.size > LARGEST_MANIFEST:
        raise UserError(f"{path} is not a bundle: it does not begin with {MANIFEST}.")
    source = tar.extractfile(member)
    found = json.loads(source.read(LARGEST_MANIFEST)) if source else None
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise UserError(f"{path} is a bundle of another version of nets; verify it with that.")
    files, runs = found.get("files"), found.get("runs")
    if not isinstance(files, dict) or not isinstance(runs, list) or len(files) > MOST_FILES:
        raise UserError(f"{path}: its {MANIFEST} is damaged; get it again.")
    check_name(found.get("suite"), f"The suite in {path}")
    for name in runs:
        check_name(name, f"A run in {path}")
    for name, each in files.items():
        parts = PurePosixPath(name).parts
        plain = parts and ".." not in parts and not name.startswith("/") and "\\" not in name and "\0" not in name
        if not plain or not isinstance(each, dict) or not isinstance(each.get("size"), int) or each["size"] < 0:
            raise UserError(f"{path}: its {MANIFEST} names {name[:80]!r}, which no bundle holds.")
    return found


def check_room(files: dict[str, Any], folder: Path, path: Path, largest: int) -> None:
    """Raise UserError if the files of a manifest don't fit."""
    total, free = sum(each["size"] for each in files.values()), shutil.disk_usage(folder).free
    if total > largest:
        raise UserError(f"{path} holds {total / 1e9:.1f} GB, more than {largest / 1e9:.0f} GB; it is not unpacked.")
    if total > free:
        raise UserError(f"{path} holds {total / 1e9:.1f} GB, and {folder} has {free / 1e9:.1f} GB; set TMPDIR.")


def unpack_files(
    tar: tarfile.TarFile, members: Iterator[tarfile.TarInfo], manifest: dict[str, Any], folder: Path, path: Path
) -> dict[str, Any]:
    """Unpack what a manifest names, and nothing else. Raises UserError."""
    waiting = dict(manifest["files"])
    for member in members:
        expected = waiting.pop(member.name, None)
        if expected is None or not member.isreg() or member.size != expected["size"]:
            raise UserError(f"{path}: {member.name[:80]!r} is not what its {MANIFEST} names; get it again.")
        tar.extract(member, folder, filter="data")
        if sha256(folder / member.name) != expected.get("sha256"):
            raise UserError(f"{path}: {member.name} is damaged (SHA-256); get it again.")
    if waiting:
        raise UserError(f"{path}: {min(waiting)} is missing; get it again.")
    return manifest
