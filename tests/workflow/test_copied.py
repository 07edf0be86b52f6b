"""Results that were copied without Snakemake's notes: what the table would make differently is made again."""

import shutil

from nets.suite.changes import stale

TABLE = """model\tdataset\tvariant\trecipe\tseeds\toverrides
mlp\tmnist5k\t\tmlp\t0\tepochs=1
softmax\tmnist5k\t\tsoftmax\t0\tepochs=1
"""


def test_a_row_that_was_edited_after_the_copy_is_trained_again(project):
    table, words = project.work / "copied.tsv", ("--config", "table=copied.tsv")
    table.write_text(TABLE)
    result = project.snakemake(*words)
    assert result.returncode == 0, result.stdout
    (project.work / ".snakemake").rename(project.work / "notes")
    try:
        assert "Nothing to be done" in project.snakemake("-n", *words).stdout, "a copy is up to date"
        table.write_text(TABLE.replace("mlp\t0\tepochs=1", "mlp\t0\tepochs=2"))
        planned = project.snakemake("-n", "--quiet", "host", *words).stdout
        assert "rule train:" in planned and "wildcards: run=mlp-mnist5k-s0" in planned, planned
        assert "wildcards: run=softmax-mnist5k-s0" not in planned and "rule prepare:" not in planned
        assert "mlp-mnist5k-s0: train, evaluate and draw would run." in project.why("mlp-mnist5k-s0", "copied.tsv")
        result = project.snakemake(*words)
        assert result.returncode == 0, result.stdout
        assert "Nothing to be done" in project.snakemake("-n", *words).stdout
        # The other run still has no note of Snakemake's.
        table.write_text(table.read_text().replace("softmax\t0\tepochs=1", "softmax\t0\tepochs=2"))
        planned = project.snakemake("-n", "--quiet", "host", *words).stdout
        assert "wildcards: run=softmax-mnist5k-s0" in planned and "wildcards: run=mlp-mnist5k-s0" not in planned
    finally:
        shutil.rmtree(project.work / ".snakemake", ignore_errors=True)
        (project.work / "notes").rename(project.work / ".snakemake")


def test_notes_that_are_damaged_or_missing_say_nothing(tmp_path, monkeypatch, run_of):
    monkeypatch.chdir(tmp_path)
    run = run_of("lenet5")
    folder = tmp_path / "results/a/runs" / run.name
    folder.mkdir(parents=True)
    (folder / "manifest.json").touch()
    for note in (None, "[]", '{"train": []}', '{"train": 1}', "{"):
        if note:
            (folder / "made_of.json").write_text(note)
        assert stale("results/a", [run], tmp_path / "none") == []
    (folder / "made_of.json").write_text('{"train": {}}')
    assert stale("results/a", [run], tmp_path / "none") == [f"results/a/runs/{run.name}/manifest.json"]
