"""What ends a job early: a limit, Ctrl-C, and SIGTERM and SIGUSR1, which schedulers send before they stop a job."""

import os
import signal
import time
from collections.abc import Callable

from nets.errors import UserError

EVERY = 0.1  # seconds between checks while a job waits


class Stopped(RuntimeError):
    """The run was asked to stop; its work is saved."""


class StopRequest:
    """Returns true after one of the signals has arrived; the job then saves its work and ends."""

    def __init__(self) -> None:
        self.asked = False
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1):
            signal.signal(number, self.ask)

    def ask(self, number: int, frame: object) -> None:
        """Note the signal; a second Ctrl-C interrupts the current step."""
        if self.asked and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.asked = True

    def __call__(self) -> bool:
        return self.asked


def pause(stop_asked: Callable[[], bool]) -> None:
    """Wait a moment for another process; raises Stopped if the job is asked to stop."""
    if stop_asked():
        raise Stopped("Stopped while it waited; the same command starts it again.")
    time.sleep(EVERY)


def time_limit() -> float:
    """The seconds that a run may train: NETS_TIME_LIMIT, given in minutes; unlimited without it. Raises UserError."""
    text = os.environ.get("NETS_TIME_LIMIT") or "inf"
    try:
        limit = 60 * float(text)
    except ValueError:
        limit = -1.0
    if not limit > 0:
        raise UserError(f"NETS_TIME_LIMIT is {text!r}; set it to a number of minutes above 0, or unset it.")
    return limit
