"""MLflow as a view of the run folders, which can be rebuilt without duplicates."""

import contextlib
import logging
import os
import re
import shutil
import sqlite3
import uuid
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, NamedTuple

from nets.errors import UserError
from nets.reporting.mlflow import database, logged, model
from nets.reporting.results import Result
from nets.trust import check_name, inside, redacted

if TYPE_CHECKING:
    from mlflow import MlflowClient

ENDED = ("FINISHED", "FAILED")  # MLflow's words for the runs that were logged as a whole
PARENT = "mlflow.parentRunId"  # MLflow's tag of a run that is inside another
AT_ONCE = 50  # rows that are written in one transaction


class Changes(NamedTuple):
    """How many runs of an experiment were added or replaced, kept, and removed."""

    added: int
    kept: int
    removed: int


class Place(NamedTuple):
    """Where MLflow keeps runs."""

    artifacts: Path | None  # the folder of their files; None: a server keeps them
    address: str = ""  # the artifacts' address, where the database is our own
    database: Path = Path()  # our own


def track(folder: Path, results: list[Result]) -> Changes:
    """Bring the suite's experiment up to date."""
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")  # the default of seven takes minutes
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException

    ours_at = folder / "mlflow.db"  # as it was given: an address may not hold whatever a folder's name may
    folder = folder.resolve()
    own = f"sqlite:///{ours_at}"
    uri = os.environ.get("MLFLOW_TRACKING_URI") or own
    # A server keeps artifacts in its own place.
    artifacts = None if uri.startswith(("http", "databricks")) else folder / "mlartifacts"
    place = Place(artifacts, artifacts.as_uri() if artifacts and uri == own else "", ours_at)
    if place.address and ours_at.exists():
        check_database(ours_at)
        readdress(ours_at, folder.name, place.address)
    elif artifacts and place.address:
        shutil.rmtree(artifacts, ignore_errors=True)  # left over from a database that was deleted
    with quiet():
        try:
            return update(MlflowClient(uri), folder.name, place, results)
        except MlflowException as error:
            reason = redacted(str(error).splitlines()[0])[:300]
            raise UserError(
                f"MLflow at {redacted(uri)} failed: {reason} Check MLFLOW_TRACKING_URI, or delete mlflow.db."
            ) from None


def check_database(path: Path) -> None:
    """Raise UserError for a file that is no database, and for one with rules of its own that change what is written."""
    try:
        with contextlib.closing(sqlite3.connect(path)) as connection:
            found = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
    except sqlite3.Error as error:
        raise UserError(f"{path} is not a database of MLflow ({error}); delete it, and it is made again.") from None
    for name, sql in found:
        if not re.search(r"BEGIN\s+SELECT RAISE\(ABORT, '[^']*'\);?\s+END\s*$", sql):  # MLflow's own only refuse
            raise UserError(f"{path} has a trigger, {name}, that MLflow did not make; delete the file.")


def readdress(path: Path, experiment: str, artifacts: str) -> None:
    """If the results have been moved, put the new address of their artifacts in place of the old one.

    MLflow keeps absolute addresses, and has no call that changes them.
    """
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        try:
            query = "SELECT experiment_id, artifact_location FROM experiments WHERE name = ?"
            found = connection.execute(query, (experiment,)).fetchone()
        except sqlite3.OperationalError:  # a database without tables
            return
        if found is None or found[1] == artifacts:
            return
        number, old = found
        query = (
            "UPDATE runs SET artifact_uri = ? || substr(artifact_uri, ?)"
            " WHERE experiment_id = ? AND instr(artifact_uri, ?) = 1"
        )
        connection.execute(query, (artifacts, len(old) + 1, number, old))
        query = "UPDATE experiments SET artifact_location = ? WHERE experiment_id = ?"
        connection.execute(query, (artifacts, number))


def update(client: "MlflowClient", name: str, place: Place, results: list[Result]) -> Changes:
    """Remove runs that changed or are gone, and add new ones. A row that changed is made again, with all its seeds."""
    experiment = experiment_of(client, name, place.artifacts)
    tracked, rows = ours(client, experiment), logged.rows(results)
    kept = {key for row, members in rows.items() if is_kept(tracked, row, members) for key in (row, *names(members))}
    for key in set(tracked) - kept:
        remove(client, tracked[key].info, place.artifacts)
    new = [members for row, members in rows.items() if row not in kept]
    for start in range(0, len(new), AT_ONCE):
        add(client, experiment, place, new[start : start + AT_ONCE])
    seeds = {key for key, run in tracked.items() if "seed" in run.data.tags}  # rows have none
    wanted = set(names(results))
    return Changes(len(wanted - kept), len(wanted & kept), len(seeds - wanted))


def names(results: list[Result]) -> list[str]:
    """The names of runs."""
    return [result.name for result in results]


def is_kept(tracked: dict[str, Any], row: str, results: list[Result]) -> bool:
    """Whether MLflow has all runs of a row as they are now, each inside that of the row."""
    digests = {result.name: logged.digest_of(result) for result in results}
    digests[row] = logged.digest_of_row([*digests.values()])
    found = {key: tracked[key] for key in digests if key in tracked}
    if {key: run.data.tags.get(logged.DIGEST) for key, run in found.items()} != digests:
        return False
    inside = {run.data.tags.get(PARENT) for key, run in found.items() if key != row}
    return all(run.info.status in ENDED for run in found.values()) and inside == {found[row].info.run_id}


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Silence MLflow's notes on creating tables."""
    loggers = [logging.getLogger(name) for name in ("mlflow", "alembic")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def experiment_of(client: "MlflowClient", name: str, artifacts: Path | None) -> str:
    """The id of the suite's experiment. Creates the experiment, or restores it from the bin, if needed."""
    experiment = client.get_experiment_by_name(name)
    if experiment is None:
        return client.create_experiment(name, artifacts.as_uri() if artifacts else None)
    if experiment.lifecycle_stage == "deleted":
        client.restore_experiment(experiment.experiment_id)
    return experiment.experiment_id


def ours(client: "MlflowClient", experiment: str) -> dict[str, Any]:
    """The experiment's runs that this module made, by name."""
    runs: dict[str, Any] = {}
    token = None
    while token != "":
        page = client.search_runs([experiment], f"tags.`{logged.OURS}` != ''", max_results=1000, page_token=token)
        runs |= {run.data.tags[logged.OURS]: run for run in page}
        token = page.token or ""
    return runs


def remove(client: "MlflowClient", info: Any, artifacts: Path | None) -> None:
    """Delete a run, and the copies of its files if they are local."""
    client.delete_run(info.run_id)
    if artifacts:
        shutil.rmtree(folder_of(artifacts, info.run_id), ignore_errors=True)


def folder_of(artifacts: Path, run_id: str) -> Path:
    """The local folder of a run's files. Raises UserError for an id that is not MLflow's: a database may be foreign."""
    return inside(artifacts, check_name(run_id, "The id of a run in MLflow's database"))


def add(client: "MlflowClient", experiment: str, place: Place, rows: list[list[Result]]) -> None:
    """Log rows, each with its runs: into our own database, or by MLflow's calls."""
    entries = [(logged.row_entry(results), [*map(logged.run_entry, results)]) for results in rows]
    if not (place.address and place.artifacts):
        for row, runs in entries:
            parent = log(client, experiment, row, None)
            for run in runs:
                log(client, experiment, run, parent)
        return
    written: list[database.Written] = []
    for row, runs in entries:
        parent = uuid.uuid4().hex
        written.append(database.Written(parent, f"{place.address}/{parent}/artifacts", row, None))
        for run in runs:
            key = uuid.uuid4().hex
            assert run.result
            link_files(run.result, key, folder_of(place.artifacts, key) / "artifacts")
            written.append(database.Written(key, f"{place.address}/{key}/artifacts", run, parent))
    database.insert(place.database, experiment, written)


def log(client: "MlflowClient", experiment: str, entry: logged.Entry, parent: str | None) -> str:
    """Log one run by MLflow's calls; returns its id."""
    from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param

    tags = database.all_tags(entry, parent)
    key = str(client.create_run(experiment, entry.times[0], tags, entry.name).info.run_id)
    if entry.result:
        with TemporaryDirectory() as folder:
            link_files(entry.result, key, Path(folder))
            client.log_artifacts(key, folder)
    if entry.dataset:
        data = Dataset(*entry.dataset)
        client.log_inputs(key, [DatasetInput(data, [InputTag(database.CONTEXT, "training")])])
    params = [Param(name, value) for name, value in entry.params.items()]
    client.log_batch(key, [Metric(*point) for point in entry.points], params)
    client.set_terminated(key, database.status(entry), entry.times[1])
    return key


def link_files(result: Result, key: str, folder: Path) -> None:
    """Give the files of a run a second name in a folder, where MLflow expects them; copies where that can't be."""
    files = {folder / name: result.folder / name for name in logged.FILES}
    files |= {folder / "figures" / path.name: path for path in logged.figures(result)}
    if weights := model.weights_of(result):
        files[folder / model.FOLDER / model.WEIGHTS] = weights
    for path, source in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(source, path)
        except OSError:  # another file system, or one without second names
            shutil.copyfile(source, path)
    if weights:
        (folder / model.FOLDER / "MLmodel").write_text(model.description(result, key), encoding="utf-8")
