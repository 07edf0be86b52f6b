"""Results are read from whatever runs have left."""

from nets.reporting.results import load_results
from nets.run import Run


def test_a_run_without_metrics_is_a_hole(run_of, tmp_path):
    run = run_of("lenet5")
    (tmp_path / "runs.jsonl").write_text(run.to_json(indent=None) + "\n")
    (tmp_path / "runs.txt").write_text(f"{run.name}\n")
    (result,) = load_results(tmp_path, tmp_path / "runs.txt")
    assert (result.status, result.reason, result.run) == ("failed", "It has no result: it has not run yet.", run)
    logs = tmp_path / "runs" / run.name / "logs"
    logs.mkdir(parents=True)
    (logs / "train.log").write_text("epoch 1\nDo this.\n")
    (result,) = load_results(tmp_path, tmp_path / "runs.txt")
    assert result.reason == f"It has no result: Do this. ({logs / 'train.log'})."
    assert not result.ok and not result.numbers and isinstance(result.run, Run)
