"""How a job ends: with a sentence for a user's mistake, with a stack trace for anything else, and both in its log."""

import errno

import pytest

from nets.errors import UserError
from nets.jobs.common import run_job
from nets.machine.stop import Stopped


def raising(error):
    def work():
        raise error

    return work


def test_a_mistake_is_a_sentence_in_the_log_too(tmp_path, capsys):
    assert run_job(raising(UserError("Do this.")), tmp_path / "log") == 1
    assert capsys.readouterr().err == (tmp_path / "log").read_text() == "Do this.\n"


@pytest.mark.parametrize("error", [OSError(errno.EDQUOT, "Disk quota exceeded"), RuntimeError("boom")])
def test_what_is_no_mistake_leaves_its_trace(tmp_path, error):
    with pytest.raises(type(error)):
        run_job(raising(error), tmp_path / "log")
    assert str(error) in (tmp_path / "log").read_text().splitlines()[-1]


def test_a_stop_is_no_error(tmp_path):
    with pytest.raises(Stopped):
        run_job(raising(Stopped("Stopped at step 10.")), tmp_path / "log", (Stopped,))
    assert not (tmp_path / "log").exists()
