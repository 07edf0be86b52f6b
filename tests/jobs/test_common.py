"""How a job ends: with a sentence for a user's mistake, with a stack trace for anything else, and both in its log."""

import contextlib
import errno
import subprocess
import sys

import pytest

from nets.errors import UserError
from nets.jobs.common import run_job
from nets.machine.stop import Stopped
from nets.suite.catalogues import ROOT


def raising(error):
    def work():
        raise error

    return work


def test_a_mistake_is_a_sentence_in_the_log_too(tmp_path, capsys):
    assert run_job(raising(UserError("Do this.")), tmp_path / "log") == 1
    assert capsys.readouterr().err == (tmp_path / "log").read_text() == "Do this.\n"


@pytest.mark.parametrize("error", [OSError(errno.EDQUOT, "Disk quota exceeded"), RuntimeError("boom")])
def test_what_is_no_mistake_leaves_its_trace(tmp_path, capsys, error):
    assert run_job(raising(error), tmp_path / "log") == 1
    trace = capsys.readouterr().err
    assert trace == (tmp_path / "log").read_text() and trace.startswith("Traceback")
    assert str(error) in trace.splitlines()[-1]


def test_a_stop_is_no_error(tmp_path):
    with pytest.raises(Stopped):
        run_job(raising(Stopped("Stopped at step 10.")), tmp_path / "log", (Stopped,))
    assert not (tmp_path / "log").exists()


SECRET = "http://me:my-password@host:5000/?token=abc"


@pytest.mark.parametrize("error", [UserError(f"{SECRET} does not answer."), RuntimeError(SECRET)])
def test_no_output_of_a_job_has_a_password(tmp_path, capsys, error):
    def work():
        print(SECRET)
        print(SECRET, file=sys.stderr)
        raise error

    with contextlib.suppress(RuntimeError):
        run_job(work, tmp_path / "log")
    output = "".join([*capsys.readouterr(), (tmp_path / "log").read_text()])
    assert output.count("http://***@host:5000/?token=***") >= 3 and "my-password" not in output and "abc" not in output


def test_a_stack_trace_on_the_terminal_has_none_either(tmp_path):
    code = "import sys\nfrom nets.jobs.common import run_job\n"
    code += f"def work(): raise RuntimeError('{SECRET}')\nsys.exit(run_job(work))"
    ended = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert ended.returncode == 1 and "RuntimeError: http://***@host:5000/?token=***" in ended.stderr
    assert "my-password" not in ended.stderr.replace(code, "")


def test_a_job_refuses_a_folder_with_a_link_out_of_it(tmp_path, capsys):
    (tmp_path / "run").mkdir()
    (tmp_path / "run/log").symlink_to(tmp_path / "victim")
    assert run_job(lambda: pytest.fail("it began"), tmp_path / "run/log", (), tmp_path / "run") == 1
    assert "run/log is a link out of" in capsys.readouterr().err and not (tmp_path / "victim").exists()
