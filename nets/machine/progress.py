"""The progress of a job for a person: a line every few seconds on the terminal, every epoch in the log."""

import contextlib
import sys
import time
from pathlib import Path
from typing import TextIO

from nets.trust import redacted

EVERY = 10.0  # seconds between lines if many jobs share a terminal


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
        first_step, first_seconds = self.first or (0, 0.0)
        if step == first_step:
            return ""
        return f"{duration((seconds - first_seconds) / (step - first_step) * (total - step))} left"

    def epoch(self, row: dict[str, float]) -> None:
        """Write an epoch's history to the log."""
        if self.log:
            print("  ".join(f"{key} {value:.5g}" for key, value in row.items()), file=self.log, flush=True)


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
