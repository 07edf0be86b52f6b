"""MLflow as a view of run folders: complete, without duplicates, and up to date."""

import contextlib
import json
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from nets.jobs import track
from nets.suite.catalogues import ROOT

NAMES = ("lenet5-mnist5k-s0", "mlp-mnist5k-s1", "dcgan-mnist5k-s0")
ROWS = [name[:-3] for name in NAMES]


@pytest.fixture(scope="module")
def folder(results, tmp_path_factory):
    """A results folder of three runs, tracked once."""
    target = tmp_path_factory.mktemp("tracked") / "quick"
    for name in NAMES:
        shutil.copytree(results / "runs" / name, target / "runs" / name)
    path = target / "runs/lenet5-mnist5k-s0/manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"data": {"images": 3500, "sha256": "ab" * 32}}))
    build(target, NAMES)
    return target


def build(folder, names):
    (folder / "runs.txt").write_text("\n".join(names))
    assert track.main(["--results", str(folder), "--runs-from", str(folder / "runs.txt")]) == 0


def client_of(folder):
    from mlflow import MlflowClient

    return MlflowClient(f"sqlite:///{folder / 'mlflow.db'}")


def tracked(folder):
    client = client_of(folder)
    experiment = client.get_experiment_by_name("quick")
    runs = client.search_runs([experiment.experiment_id])
    return client, {run.info.run_name: run for run in runs if run.info.run_name not in ROWS}


def test_runs_have_all_numbers_settings_and_files(folder):
    client, runs = tracked(folder)
    assert set(runs) == set(NAMES)
    run = runs["lenet5-mnist5k-s0"]
    metrics = json.loads((folder / "runs/lenet5-mnist5k-s0/metrics.json").read_text())["metrics"]
    assert run.data.metrics["test/top1"] == metrics[0]["value"]
    assert run.data.metrics["cost/parameters_classifier"] == 61706
    assert run.data.params["recipe.optimizer.lr"] == "0.001"
    assert run.data.tags["status"] == "ok" and run.data.tags["task"] == "classification"
    curve = client.get_metric_history(run.info.run_id, "validation/top1")
    assert [point.step for point in curve] == list(range(1, 21))
    files = {item.path for item in client.list_artifacts(run.info.run_id)}
    assert files == {"config.json", "manifest.json", "metrics.json", "history.csv", "figures"}
    assert {item.path for item in client.list_artifacts(run.info.run_id, "figures")} == {
        "figures/curves.svg", "figures/confusion.svg", "figures/worst.png",
    }  # fmt: skip


def test_a_hole_is_marked_as_failed(folder):
    _, runs = tracked(folder)
    assert runs["mlp-mnist5k-s1"].info.status == "FAILED"
    assert runs["dcgan-mnist5k-s0"].info.status == "FINISHED"
    assert "not finite" in runs["mlp-mnist5k-s1"].data.tags["mlflow.note.content"]


def test_seeds_are_inside_their_row(results, tmp_path):
    """The row has what its seeds share, and their means, unless one of them has no result."""
    folder, names = tmp_path / "quick", [f"{model}-mnist5k-s{seed}" for model in ("lenet5", "mlp") for seed in range(3)]
    for name in names:
        shutil.copytree(results / "runs" / name, folder / "runs" / name)
    build(folder, names)
    client = client_of(folder)
    runs = {
        run.info.run_name: run for run in client.search_runs([client.get_experiment_by_name("quick").experiment_id])
    }
    assert set(runs) == {*names, "lenet5-mnist5k", "mlp-mnist5k"}
    row, seeds = runs["lenet5-mnist5k"], [runs[name] for name in names[:3]]
    assert {run.data.tags["mlflow.parentRunId"] for run in seeds} == {row.info.run_id}
    assert row.data.metrics["test/top1"] == pytest.approx(sum(run.data.metrics["test/top1"] for run in seeds) / 3)
    assert row.data.params["recipe.optimizer.lr"] == "0.001" and "seed" not in row.data.params
    hole = runs["mlp-mnist5k"]
    assert hole.info.status == "FAILED" and not hole.data.metrics
    kept = {name: run.info.run_id for name, run in runs.items()}
    path = folder / "runs/lenet5-mnist5k-s1/metrics.json"
    path.write_text(path.read_text() + " ")
    build(folder, names)
    runs = {
        run.info.run_name: run for run in client.search_runs([client.get_experiment_by_name("quick").experiment_id])
    }
    changed = {name for name, run in runs.items() if run.info.run_id != kept[name]}
    assert len(runs) == 8 and changed == {"lenet5-mnist5k", *names[:3]}


def test_our_rows_of_the_database_are_those_that_mlflow_writes(folder, tmp_path, monkeypatch):
    """The same runs, once into our own database, once by MLflow's calls."""
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    shutil.copytree(folder / "runs", tmp_path / "ours/quick/runs")
    shutil.copytree(folder / "runs", tmp_path / "theirs/quick/runs")
    build(tmp_path / "ours/quick", NAMES)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/theirs.db")
    calls = []
    create = SqlAlchemyStore.create_run
    monkeypatch.setattr(SqlAlchemyStore, "create_run", lambda *a, **k: calls.append(1) or create(*a, **k))
    build(tmp_path / "theirs/quick", NAMES)
    assert len(calls) == 6
    ours, theirs = contents(tmp_path / "ours/quick/mlflow.db"), contents(tmp_path / "theirs.db")
    assert ours.keys() == theirs.keys() and all(len(rows) > 0 for rows in ours.values())
    for table, rows in theirs.items():
        assert ours[table] == rows, table


def contents(path):
    """The rows of the tables that a run fills, with names for random ids and for the folder."""
    tables = ("runs", "tags", "params", "metrics", "latest_metrics", "datasets", "inputs", "input_tags")
    with contextlib.closing(sqlite3.connect(path)) as database:
        ids = dict(database.execute("SELECT run_uuid, name FROM runs"))
        ids |= dict(database.execute("SELECT dataset_uuid, name FROM datasets"))
        ids |= {
            key: f"input of {ids[run]}"
            for key, run in database.execute("SELECT input_uuid, destination_id FROM inputs")
        }

        def plain(value):
            text = ids.get(value, value)
            if isinstance(text, str) and text.endswith("/artifacts"):
                text = "artifacts of " + ids[text.split("/")[-2]]
            return text

        skipped = {"user_id"}
        found = {}
        for table in tables:
            cursor = database.execute(f"SELECT * FROM {table}")
            columns = [column[0] for column in cursor.description]
            found[table] = sorted(
                (tuple((c, plain(v)) for c, v in zip(columns, row, strict=True) if c not in skipped) for row in cursor),
                key=repr,
            )
        return found


def test_the_training_images_are_an_input(folder):
    _, runs = tracked(folder)
    (used,) = runs["lenet5-mnist5k-s0"].inputs.dataset_inputs
    manifest = json.loads((folder / "runs/lenet5-mnist5k-s0/manifest.json").read_text())
    assert used.dataset.name == "mnist5k" and manifest["data"]["sha256"].startswith(used.dataset.digest)
    assert json.loads(used.dataset.profile)["num_rows"] == manifest["data"]["images"]
    assert {tag.key: tag.value for tag in used.tags} == {"mlflow.data.context": "training"}


def test_building_again_changes_nothing(folder, capsys):
    before = {name: run.info.run_id for name, run in tracked(folder)[1].items()}
    build(folder, NAMES)
    assert "0 runs added or replaced, 3 unchanged, 0 removed" in capsys.readouterr().out
    assert {name: run.info.run_id for name, run in tracked(folder)[1].items()} == before


def test_a_changed_run_is_replaced_and_a_missing_one_removed(folder):
    client, before = tracked(folder)
    experiment = client.get_experiment_by_name("quick").experiment_id
    client.create_run(experiment, run_name="somebody's own")
    path = folder / "runs/lenet5-mnist5k-s0/metrics.json"
    metrics = json.loads(path.read_text())
    metrics["metrics"][0]["value"] = 12.5
    path.write_text(json.dumps(metrics))
    build(folder, NAMES[:2])
    _, after = tracked(folder)
    assert set(after) == {*NAMES[:2], "somebody's own"}
    assert after["lenet5-mnist5k-s0"].data.metrics["test/top1"] == 12.5
    assert after["mlp-mnist5k-s1"].info.run_id == before["mlp-mnist5k-s1"].info.run_id
    kept = {path.name for path in (folder / "mlartifacts").iterdir()}
    assert before["dcgan-mnist5k-s0"].info.run_id not in kept
    build(folder, NAMES)
    assert set(tracked(folder)[1]) == {*NAMES, "somebody's own"}


def test_an_unfinished_build_is_repaired(folder, capsys):
    client, runs = tracked(folder)
    client.delete_tag(runs["mlp-mnist5k-s1"].info.run_id, "nets.digest")
    client.update_run(runs["dcgan-mnist5k-s0"].info.run_id, status="RUNNING")  # as before its last step
    build(folder, NAMES)
    assert "2 runs added or replaced, 1 unchanged, 0 removed" in capsys.readouterr().out
    runs = client.search_runs([client.get_experiment_by_name("quick").experiment_id], "tags.`nets.run` != ''")
    assert sorted(run.info.run_name for run in runs) == sorted([*NAMES, *ROWS])


def test_another_server_is_found_by_its_address(folder, tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{folder / 'mlflow.db'}")
    other = tmp_path / "other"
    shutil.copytree(folder / "runs/lenet5-mnist5k-s0", other / "runs/lenet5-mnist5k-s0")
    build(other, NAMES[:1])
    assert not (other / "mlflow.db").exists()
    client = client_of(folder)
    experiment = client.get_experiment_by_name("other")
    (run,) = client.search_runs([experiment.experiment_id], "tags.seed = '0'")
    assert (other / "mlartifacts" / run.info.run_id / "artifacts/metrics.json").exists()


def test_results_that_are_moved_keep_their_files(folder, tmp_path):
    from mlflow import MlflowClient

    moved = shutil.copytree(folder, tmp_path / "100% of it?" / "quick")
    before = {name: run.info.run_id for name, run in tracked(folder)[1].items()}
    with contextlib.chdir(moved.parent):
        build(Path("quick"), NAMES)
        client = MlflowClient("sqlite:///quick/mlflow.db")
        experiment = client.get_experiment_by_name("quick")
        assert experiment.artifact_location == (moved / "mlartifacts").as_uri()
        runs = {run.info.run_name: run.info for run in client.search_runs([experiment.experiment_id])}
        assert {name: runs[name].run_id for name in NAMES} == {name: before[name] for name in NAMES}
        run = runs["lenet5-mnist5k-s0"].run_id
        (moved / "mlartifacts" / run / "artifacts/metrics.json").write_text("moved")
        assert Path(client.download_artifacts(run, "metrics.json")).read_text() == "moved"


def test_an_unreachable_server_is_reported_in_one_sentence(folder, monkeypatch, capsys):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    assert track.main(["--results", str(folder), "--runs-from", str(folder / "runs.txt")]) == 1
    error = capsys.readouterr().err
    assert "http://127.0.0.1:9" in error and error.count("\n") == 1


@pytest.fixture
def copy(folder, tmp_path):
    """A results folder of two runs, tracked once, that a test may harm; and a folder outside of it."""
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    (theirs / "file").write_text("theirs")
    for name in NAMES[:2]:
        shutil.copytree(folder / "runs" / name, tmp_path / "quick/runs" / name)
    build(tmp_path / "quick", NAMES[:2])
    return tmp_path / "quick", theirs


def change(folder, statement, *values):
    """Change MLflow's database as somebody could who passes it on."""
    with contextlib.closing(sqlite3.connect(folder / "mlflow.db")) as database:
        database.execute("PRAGMA foreign_keys = OFF")
        database.execute(statement, values)
        database.commit()


def fails(folder, names, capsys):
    """The sentence with which tracking fails."""
    (folder / "runs.txt").write_text("\n".join(names))
    assert track.main(["--results", str(folder), "--runs-from", str(folder / "runs.txt")]) == 1
    return capsys.readouterr().err


@pytest.mark.parametrize("relative", [True, False])
def test_an_id_from_a_database_deletes_nothing_elsewhere(copy, capsys, relative):
    folder, theirs = copy
    _, runs = tracked(folder)
    old, new = runs[NAMES[1]].info.run_id, "../../theirs" if relative else str(theirs)
    for table in ("runs", "tags", "params", "metrics", "latest_metrics"):
        change(folder, f"UPDATE {table} SET run_uuid = ? WHERE run_uuid = ?", new, old)
    assert f"The id of a run in MLflow's database is '{new}', which is not a name" in fails(folder, NAMES[:1], capsys)
    assert (theirs / "file").exists()


def test_a_database_that_keeps_files_elsewhere_keeps_them_here_from_now_on(copy, capsys):
    folder, theirs = copy
    for place in (theirs.as_uri(), f"{(folder / 'mlartifacts').as_uri()}/../../theirs"):
        change(folder, "UPDATE experiments SET artifact_location = ?", place)
        config = folder / "runs" / NAMES[0] / "metrics.json"
        config.write_text(config.read_text() + " ")
        assert track.main(["--results", str(folder), "--runs-from", str(folder / "runs.txt")]) == 0
        with contextlib.closing(sqlite3.connect(folder / "mlflow.db")) as database:
            (found,) = database.execute("SELECT artifact_location FROM experiments WHERE name = 'quick'").fetchone()
        assert found == (folder / "mlartifacts").as_uri()
        assert [path.name for path in theirs.iterdir()] == ["file"]


def test_a_database_with_triggers_of_its_own_is_refused(copy, capsys):
    """A trigger could send the files of each new run elsewhere, after every check."""
    folder, theirs = copy
    body = f"UPDATE runs SET artifact_uri = '{theirs.as_uri()}'"
    change(folder, f"CREATE TRIGGER t AFTER INSERT ON params BEGIN {body}; END")
    said = fails(folder, NAMES[:2], capsys)
    assert "mlflow.db has a trigger, t, that MLflow did not make; delete the file." in said
    (folder / "mlflow.db").write_bytes(b"no database at all")
    assert "mlflow.db is not a database of MLflow" in fails(folder, NAMES[:2], capsys)


@pytest.mark.parametrize("link", ["mlartifacts", "runs/lenet5-mnist5k-s0/figures/more.png", "mlflow.db"])
def test_a_link_out_of_the_results_is_not_followed(copy, capsys, link):
    folder, theirs = copy
    if (folder / link).is_dir():
        shutil.rmtree(folder / link)
    (folder / link).unlink(missing_ok=True)
    (folder / link).symlink_to(theirs / "file" if "." in link else theirs)
    assert f"{link} is a link out of" in fails(folder, NAMES[:2], capsys)


def test_a_password_in_the_servers_address_is_not_shown(folder, monkeypatch, capfd):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://me:my-password@127.0.0.1:9/?api_key=abcdef")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    assert track.main(["--results", str(folder), "--runs-from", str(folder / "runs.txt")]) == 1
    output = "".join(capfd.readouterr())
    assert "MLflow at http://***@127.0.0.1:9/?api_key=*** failed" in output
    assert "my-password" not in output and "abcdef" not in output


def test_make_mlflow_shows_no_password(monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://me:my-password@host")
    shown = subprocess.run(["make", "--old-file=.venv/ready", "mlflow"], cwd=ROOT, capture_output=True, text=True)
    assert shown.stdout == "http://***@host\n", shown.stderr


def test_reporting_imports_no_torch():
    modules = ", ".join(
        ".".join(path.relative_to(ROOT).with_suffix("").parts) for path in (ROOT / "nets/reporting").rglob("*.py")
    )
    code = f"import sys, {modules}; sys.exit(bool({{'torch', 'pandas'}} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0
