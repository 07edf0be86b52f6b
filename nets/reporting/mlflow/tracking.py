"""MLflow as a view of the run folders, which can be rebuilt without duplicates."""

import contextlib
import hashlib
import logging
import os
import re
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from nets.errors import UserError
from nets.reporting.mlflow import logged
from nets.reporting.results import Result
from nets.trust import check_name, inside, redacted

if TYPE_CHECKING:
    from mlflow import MlflowClient

FILES = ("config.json", "manifest.json", "metrics.json", "history.csv")
OURS, DIGEST = "nets.run", "nets.digest"  # tags of our runs: the name, and the content's digest
ENDED = ("FINISHED", "FAILED")  # MLflow's words for the runs that were logged as a whole


class Changes(NamedTuple):
    """How many runs of an experiment were added or replaced, kept, and removed."""

    added: int
    kept: int
    removed: int


def track(folder: Path, results: list[Result]) -> Changes:
    """Bring the suite's experiment up to date."""
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")  # the default of seven takes minutes
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException

    database = folder / "mlflow.db"  # as it was given: an address may not hold whatever a folder's name may
    folder = folder.resolve()
    own = f"sqlite:///{database}"
    uri = os.environ.get("MLFLOW_TRACKING_URI") or own
    # A server keeps artifacts in its own place.
    artifacts = None if uri.startswith(("http", "databricks")) else folder / "mlartifacts"
    place = artifacts.as_uri() if artifacts and uri == own else ""
    if place and database.exists():
        check_database(database)
        readdress(database, folder.name, place)
    elif artifacts and place:
        shutil.rmtree(artifacts, ignore_errors=True)  # left over from a database that was deleted
    with quiet():
        try:
            return update(MlflowClient(uri), folder.name, artifacts, results, place)
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


def readdress(database: Path, experiment: str, artifacts: str) -> None:
    """If the results have been moved, put the new address of their artifacts in place of the old one.

    MLflow keeps absolute addresses, and has no call that changes them.
    """
    with contextlib.closing(sqlite3.connect(database)) as connection, connection:
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


def update(
    client: "MlflowClient", name: str, artifacts: Path | None, results: list[Result], place: str = ""
) -> Changes:
    """Remove runs that changed or are gone, and add new ones, whose files must go below the address `place`."""
    experiment = experiment_of(client, name, artifacts)
    tracked = ours(client, experiment)
    digests = {result.name: digest(result) for result in results}
    kept = {
        key
        for key, old in tracked.items()
        if old.data.tags.get(DIGEST) == digests.get(key, "gone") and old.info.status in ENDED
    }
    for key in set(tracked) - kept:
        remove(client, tracked[key].info, artifacts)
    for result in results:
        if result.name not in kept:
            add(client, experiment, result, digests[result.name], artifacts, place)
    return Changes(len(results) - len(kept), len(kept), len(set(tracked) - set(digests)))


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
        page = client.search_runs([experiment], f"tags.`{OURS}` != ''", max_results=1000, page_token=token)
        runs |= {run.data.tags[OURS]: run for run in page}
        token = page.token or ""
    return runs


def digest(result: Result) -> str:
    """SHA-256 of all files of a run that are logged to MLflow."""
    content = hashlib.sha256()
    for path in [result.folder / name for name in FILES] + figures(result):
        if path.exists():
            content.update(f"{path.name} {path.stat().st_size} ".encode() + path.read_bytes())
    return content.hexdigest()


def figures(result: Result) -> list[Path]:
    """The run's figures, sorted."""
    return sorted((result.folder / "figures").glob("*.*"))


def remove(client: "MlflowClient", info: Any, artifacts: Path | None) -> None:
    """Delete a run, and the copies of its files if they are local."""
    client.delete_run(info.run_id)
    if artifacts:
        shutil.rmtree(folder_of(artifacts, info.run_id), ignore_errors=True)


def folder_of(artifacts: Path, run_id: str) -> Path:
    """The local folder of a run's files. Raises UserError for an id that is not MLflow's: a database may be foreign."""
    return inside(artifacts, check_name(run_id, "The id of a run in MLflow's database"))


def add(
    client: "MlflowClient", experiment: str, result: Result, digest: str, artifacts: Path | None, place: str = ""
) -> None:
    """Log one run; a hole (a run without a result) is logged as failed.

    Raises UserError if the database, which may come from elsewhere, wants its files in another place.
    """
    started, ended = logged.times(result)
    tags = {OURS: result.name, DIGEST: digest} | logged.tags(result)
    made = client.create_run(experiment, started, tags, result.name).info
    key = made.run_id
    if place and made.artifact_uri != f"{place}/{check_name(key, 'The id of a run')}/artifacts":
        client.delete_run(key)
        raise UserError(
            f"mlflow.db keeps files in {made.artifact_uri}, not in {place}; delete it, and it is made again."
        )
    files = {result.folder / name: "" for name in FILES} | dict.fromkeys(figures(result), "figures")
    if artifacts and place:
        copy(files, folder_of(artifacts, key) / "artifacts")
    else:
        for path, below in files.items():
            client.log_artifact(key, str(path), below or None)
    client.log_batch(key, logged.metrics(result), logged.params(result))
    client.set_terminated(key, ENDED[not result.ok], ended)


def copy(files: dict[Path, str], folder: Path) -> None:
    """Copy files to folders below a run's own, as `log_artifact` would; but that asks the database about each file."""
    for path, below in files.items():
        (folder / below).mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, folder / below / path.name)
