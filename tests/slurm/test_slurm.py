"""The suite on a real Slurm with two pretended GPUs: the results of two calls."""

import datetime
import json
import re

import pytest

GROUPS = {
    "source": {"lenet5-digits-s0", "lenet5-digits-extractor-s0"},
    "plain": {"conv_autoencoder-digits-s0", "unet-scenes-s0", "broken-digits-s0"},
    "transferred": {"lenet5-digits-features-s0"},
    "generated": {"dcgan-digits-s0", "vae-digits-s0", "ddpm-digits-s0"},
}
RUNS = set.union(*GROUPS.values())


def read(suite, run, file="manifest.json"):
    return json.loads((suite.results / "runs" / run / file).read_text())


def started(suite, run):
    return datetime.datetime.fromisoformat(read(suite, run)["started"]).timestamp()


def test_the_report_is_built_at_the_end(suite):
    assert suite.second_status == 0, suite.output()
    assert (suite.results / "report.html").exists()
    assert all((suite.results / f"report/run-{run}.html").exists() for run in RUNS)
    assert (suite.results / "mlflow.db").exists()


@pytest.mark.parametrize("run", sorted(RUNS))
def test_every_kind_is_trained_measured_and_drawn(suite, run):
    assert read(suite, run)["status"] == "ok"
    assert read(suite, run, "metrics.json")["metrics"]
    assert any((suite.results / "runs" / run / "figures").iterdir())


def test_slurm_assigns_the_devices_and_no_two_runs_share_one(suite):
    spans = {}
    for run in RUNS:
        manifest = read(suite, run)
        end = started(suite, run) + manifest["seconds"]
        spans.setdefault(manifest["visible_devices"], []).append((started(suite, run), end, run))
    assert set(spans) == {"0", "1"}
    for device in spans.values():
        device.sort()
        for (_, end, run), (start, _, after) in zip(device, device[1:], strict=False):
            assert end <= start + 1, f"{run} and {after} trained at once"  # `started` is in whole seconds


def test_a_cancelled_job_continues_from_its_checkpoint(suite):
    state = suite.cluster.ask("squeue", "--noheader", "--states=all", "--format=%T", "--job", suite.cancelled)
    assert state == "CANCELLED"
    assert read(suite, "lenet5-digits-s0")["resumed"] == 1


def test_small_work_is_grouped(suite):
    """Three runs, with their evaluation and figures, are one job; runs that others wait for have a job of their own."""
    first_call = suite.output().split("Complete log", 1)[0]
    pattern = r"submitted with SLURM jobid \d+ \(log: \S+/slurm_logs/((?:group|rule)_[a-z]+)"
    submitted = re.findall(pattern, first_call)
    once = {"rule_prepare": 2, "rule_reference": 2, "group_generated": 1, "group_transferred": 1}
    retried = {"group_source": len(GROUPS["source"]) + 1, "group_plain": 1 + 1}
    assert {name: submitted.count(name) for name in set(submitted)} == once | retried


def test_a_failing_run_stops_no_other_job(suite):
    assert suite.first_status != 0
    assert "this network is broken" in suite.output()
    assert suite.first_metrics == RUNS - GROUPS["plain"]


def test_nor_a_run_that_shares_its_job(suite):
    logs = list(suite.folder.glob(".snakemake/slurm_logs/group_plain_*/*.log"))  # those of failed jobs are kept
    assert len(logs) == 2
    for log in logs:
        assert log.read_text().count("\nlocalrule train:") == len(GROUPS["plain"])


def test_once_mended_it_alone_is_trained(suite):
    """Snakemake had deleted the files of the runs that shared its job; they are restored."""
    assert {run for run in RUNS if started(suite, run) > suite.first_end} == {"broken-digits-s0"}
