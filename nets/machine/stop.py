"""Asking a job to stop: Ctrl-C, and SIGTERM and SIGUSR1, which schedulers send before they take a machine away."""

import signal
import time
from collections.abc import Callable

EVERY = 0.1  # seconds between looks while a job waits


class Stopped(RuntimeError):
    """Somebody asked the run to stop; what it had done is saved."""


class StopRequest:
    """Becomes true when one of the signals arrives; the job then ends of itself, with its work saved."""

    def __init__(self):
        self.asked = False
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1):
            signal.signal(number, self.ask)

    def ask(self, number: int, frame: object) -> None:
        """Note the signal; a second Ctrl-C does not wait for the step at hand."""
        if self.asked and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.asked = True

    def __call__(self) -> bool:
        return self.asked


def pause(stop_asked: Callable[[], bool]) -> None:
    """Wait a moment for another process; raises Stopped if somebody asked for that."""
    if stop_asked():
        raise Stopped("Stopped while it waited; the same command starts it again.")
    time.sleep(EVERY)
