"""The limit on a run's time."""

import pytest

from nets.errors import UserError
from nets.machine.stop import time_limit


def test_minutes_or_none(monkeypatch):
    monkeypatch.setenv("NETS_TIME_LIMIT", "1.5")
    assert time_limit() == 90
    monkeypatch.delenv("NETS_TIME_LIMIT")
    assert time_limit() == float("inf")


@pytest.mark.parametrize("text", ["soon", "0", "-1", "nan"])
def test_what_is_no_time(monkeypatch, text):
    monkeypatch.setenv("NETS_TIME_LIMIT", text)
    with pytest.raises(UserError, match=f"NETS_TIME_LIMIT is '{text}'; set it to a number of minutes above 0"):
        time_limit()
