"""A failed job is named once, with the last line of its own log."""

from nets.suite.failures import failures

COMMAND = (
    "Command 'set -euo pipefail; nets() {{ exec python; }};  nets {job} {option}={name} --threads 1 {log}' {end}\n"
    "Trying to restart job 2.\n"
)
TRACE = """epoch 1
Traceback (most recent call last):
  File "train.py", line 1, in train
    work()
RuntimeError: CUDA error: device-side assert triggered
Compile with `TORCH_USE_CUDA_DSA` to enable device-side assertions.
"""


def failed(
    job="train", option="--run-dir", name="results/a/runs/mine-s0", log="", end="returned non-zero exit status 1."
):
    return COMMAND.format(job=job, option=option, name=name, log=log, end=end)


def test_only_what_failed_in_all_its_tries(tmp_path):
    log = tmp_path / "train.log"
    log.write_text(TRACE)
    text = 3 * failed(log=f"--log={log}") + failed(name="results/a/runs/other-s0") + "124 of 242 steps (51%) done\n"
    assert failures(text, tries=3) == [
        "1 job failed:",
        f"  train mine-s0: RuntimeError: CUDA error: device-side assert triggered ({log})",
    ]
    assert failures("11 of 12 steps (92%) done\n", tries=3) == []


def test_a_kill_and_jobs_of_other_kinds(tmp_path):
    log = tmp_path / "fetch.log"
    log.write_text("asking\n\nno network\n")
    text = failed(end="died with <Signals.SIGKILL: 9>.", log=f"--log={tmp_path}/nothing.log")
    text += failed("fetch", "--weights", "inception", f"2>&1 | tee {log} >&2")
    assert failures(text, tries=1) == [
        "2 jobs failed:",
        f"  train mine-s0: its log is empty ({tmp_path}/nothing.log)",
        f"  fetch inception: no network ({log})",
    ]


def test_a_crash_is_told_by_its_first_line(tmp_path):
    log = tmp_path / "train.log"
    log.write_text('epoch 1\nFatal Python error: Aborted\n\nThread 1:\n  File "x.py", line 3\n\nExtension modules: a\n')
    text = failed(end="died with <Signals.SIGABRT: 6>.", log=f"--log={log}")
    assert failures(text, tries=1)[1] == f"  train mine-s0: Fatal Python error: Aborted ({log})"
