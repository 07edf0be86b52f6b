"""The progress of a job for a person: a line every few seconds on the terminal, every epoch in the log."""

import contextlib
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TextIO, TypeVar

from tqdm import tqdm

from nets.machine import costs
from nets.trust import redacted

EVERY = 10.0  # seconds between lines if many jobs share a terminal
BAR = "{desc}  {bar:20} {n_fmt} of {total_fmt}  {remaining} left"

tqdm.monitor_interval = 0  # no thread of its own: processes are forked while a bar is shown

Item = TypeVar("Item")


class Progress:
    """Progress of one job, to standard error and to a log file."""

    def __init__(self, name: str, log: TextIO | None = None, terminal: TextIO = sys.stderr):
        """`log` gets one line per epoch, `terminal` one every ten seconds; without a log, it updates a single line."""
        self.name, self.log, self.terminal = name, log, terminal
        self.alone = log is None and terminal.isatty()
        self.shown_at = time.monotonic()
        self.first: tuple[int, float] | None = None

    def update(self, step: int, total: int, seconds: float, where: str, losses: dict[str, float]) -> None:
        """Report a step; most calls print nothing."""
        self.first = self.first or (step, seconds)
        costs.tell(where=where, left=self.seconds_left(step, total, seconds))
        now = time.monotonic()
        if now - self.shown_at < (0.2 if self.alone else EVERY) and step < total:
            return
        self.shown_at = now
        text = "  ".join(f"{name} {value:.4g}" for name, value in losses.items())
        line = f"{self.name}  {where}  {text}  {self.left(step, total, seconds)}"
        if self.alone:
            print(f"\r\033[K{line}", end="\n" if step == total else "", file=self.terminal, flush=True)
        else:
            print(line, file=self.terminal, flush=True)

    def left(self, step: int, total: int, seconds: float) -> str:
        """'12 s left', from the pace since this process began."""
        if step == total:
            return f"done in {duration(seconds)}"
        left = self.seconds_left(step, total, seconds)
        return "" if left is None else f"{duration(left)} left"

    def seconds_left(self, step: int, total: int, seconds: float) -> float | None:
        """The seconds that the rest takes at the pace since this process began; None if there is no pace yet."""
        first_step, first_seconds = self.first or (0, 0.0)
        if step == first_step:
            return None
        return (seconds - first_seconds) / (step - first_step) * (total - step)

    def epoch(self, row: dict[str, float]) -> None:
        """Write an epoch's history to the log."""
        if self.log:
            print("  ".join(f"{key} {value:.5g}" for key, value in row.items()), file=self.log, flush=True)


def bar(items: Sequence[Item], what: str, terminal: TextIO | None = None) -> Iterator[Item]:
    """The items, one by one, with a bar and the time left on a terminal; elsewhere, with a plain line now and then.

    `what` says what is done, such as "measuring". All goes to standard error by default.
    """
    terminal = terminal or sys.stderr
    if terminal.isatty():
        yield from tqdm(items, what, file=terminal, leave=False, dynamic_ncols=True, bar_format=BAR)
        return
    began = shown = time.monotonic()
    for number, item in enumerate(items):
        now = time.monotonic()
        if number and now - shown >= EVERY:
            shown = now
            left = duration((now - began) / number * (len(items) - number))
            print(f"{what}: {number} of {len(items)} done, about {left} left", file=terminal, flush=True)
        yield item


def duration(seconds: float) -> str:
    """Seconds in short words: '8 s', '3 min', '2 h 5 min'."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"


def announce(sentence: str, log: Path | None, silent: bool = False) -> None:
    """Print a sentence to standard error, unless `silent`, and append it to the log as far as that can be written."""
    if not silent:
        print(sentence, file=sys.stderr, flush=True)
    if log:
        with contextlib.suppress(OSError), open(log, "a", encoding="utf-8") as file:
            print(redacted(sentence), file=file)
