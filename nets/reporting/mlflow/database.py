"""Runs written to MLflow's own database, many in one transaction. MLflow's calls take 50 ms of CPU for each run."""

import uuid
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from nets.reporting.mlflow.logged import Dataset, Entry, Point

CONTEXT = "mlflow.data.context"  # MLflow's tag that says what a run used a data set for


class Written(NamedTuple):
    """A run with its id, the address of its files, and the id of the run that it is inside."""

    key: str
    place: str
    entry: Entry
    parent: str | None


def insert(database: Path, experiment: str, runs: Iterable[Written]) -> None:
    """Add runs to an experiment: the rows that MLflow's calls write, in one transaction."""
    from mlflow.store.tracking.dbmodels import models as tables
    from sqlalchemy import URL, create_engine, select

    rows: dict[Any, list[dict[str, Any]]] = {}

    def add(table: Any, **values: Any) -> None:
        rows.setdefault(table.__table__, []).append(values)

    engine = create_engine(URL.create("sqlite", database=str(database)))
    with engine.begin() as connection:
        data = tables.SqlDataset.__table__
        query = select(data.c.name, data.c.digest, data.c.dataset_uuid).where(data.c.experiment_id == int(experiment))
        known = {(name, digest): key for name, digest, key in connection.execute(query)}

        def key_of(dataset: Dataset) -> str:
            if (dataset.name, dataset.digest) not in known:
                known[dataset.name, dataset.digest] = uuid.uuid4().hex
                add(
                    tables.SqlDataset,
                    dataset_uuid=known[dataset.name, dataset.digest],
                    experiment_id=int(experiment),
                    name=dataset.name,
                    digest=dataset.digest,
                    dataset_source_type=dataset.source_type,
                    dataset_source=dataset.source,
                    dataset_schema=dataset.schema,
                    dataset_profile=dataset.profile,
                )
            return known[dataset.name, dataset.digest]

        for key, place, entry, parent in runs:
            add(
                tables.SqlRun,
                run_uuid=key,
                name=entry.name,
                source_type="UNKNOWN",
                source_name="",
                entry_point_name="",
                user_id="unknown",
                status=status(entry),
                start_time=entry.times[0],
                end_time=entry.times[1],
                deleted_time=None,
                source_version="",
                lifecycle_stage="active",
                artifact_uri=place,
                experiment_id=int(experiment),
            )
            for table, texts in ((tables.SqlTag, all_tags(entry, parent)), (tables.SqlParam, entry.params)):
                for name, text in texts.items():
                    add(table, key=name, value=text, run_uuid=key)
            for table, points in ((tables.SqlMetric, entry.points), (tables.SqlLatestMetric, latest(entry.points))):
                for point in points:
                    value, time, step = point[1:]
                    add(table, key=point.name, value=value, timestamp=time, step=step, is_nan=False, run_uuid=key)
            if entry.dataset:
                link = uuid.uuid4().hex
                add(
                    tables.SqlInput,
                    input_uuid=link,
                    source_type="DATASET",
                    source_id=key_of(entry.dataset),
                    destination_type="RUN",
                    destination_id=key,
                )
                add(tables.SqlInputTag, input_uuid=link, name=CONTEXT, value="training")
        for table in sorted(rows, key=lambda table: table.name != "runs"):  # others refer to it
            connection.execute(table.insert(), rows[table])
    engine.dispose()


def status(entry: Entry) -> str:
    """MLflow's word for how a run ended."""
    return "FINISHED" if entry.ok else "FAILED"


def all_tags(entry: Entry, parent: str | None) -> dict[str, str]:
    """The tags of a run, with those by which MLflow finds its name and the run that it is inside."""
    return entry.tags | {"mlflow.runName": entry.name} | ({"mlflow.parentRunId": parent} if parent else {})


def latest(points: list[Point]) -> list[Point]:
    """The last point of each metric."""
    last: dict[str, Point] = {}
    for point in points:
        if (old := last.get(point.name)) is None or (point.step, point.time) >= (old.step, old.time):
            last[point.name] = point
    return list(last.values())
