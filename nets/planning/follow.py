"""Runs Snakemake, and shows how the suite stands: a bar on a terminal, a plain line now and then elsewhere."""

import os
import re
import selectors
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from typing import TextIO

from tqdm import tqdm

from nets.machine.progress import duration
from nets.planning.standing import Standing

STEPS = re.compile(r"^\d+ of \d+ steps \([\d.]+%\) done$")  # what Snakemake says of itself; its steps are not runs
BAR = "{desc}  {bar:20} {postfix}"
OFTEN, SELDOM = 2.0, 30.0  # seconds between two looks, for a bar and for lines
SHARE = 0.05  # of the time that looking may take


def follow(command: Sequence[str], look: Callable[[], Standing], terminal: TextIO | None = None) -> int:
    """Run a command and pass its output on, with how the suite stands; returns its exit status.

    Ctrl-C reaches the command by itself, which then ends in its own way.
    """
    terminal = terminal or sys.stderr
    shown = Bar(terminal) if terminal.isatty() else Lines(terminal)
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert process.stdout
    selector = selectors.DefaultSelector()
    selector.register(process.stdout, selectors.EVENT_READ)
    os.set_blocking(process.stdout.fileno(), False)
    rest, due, ended = b"", time.monotonic() + shown.every, False
    while not ended:
        try:
            if selector.select(max(0.0, min(1.0, due - time.monotonic()))):
                ended = not (part := process.stdout.read())
                *lines, rest = (rest + (part or b"")).split(b"\n")
                for line in lines:
                    text = line.decode(errors="replace")
                    if not STEPS.match(text):
                        shown.print(text)
            if time.monotonic() >= due and not ended:
                began = time.monotonic()
                shown.update(look())
                due = time.monotonic() + max(shown.every, (time.monotonic() - began) / SHARE)
        except KeyboardInterrupt:
            due = time.monotonic() + SELDOM  # Snakemake has got it too, and waits for its jobs to save their work
    if rest:
        shown.print(rest.decode(errors="replace"))
    shown.close()
    selector.close()
    process.stdout.close()
    return process.wait()


class Lines:
    """Plain lines."""

    every = SELDOM

    def __init__(self, terminal: TextIO):
        self.terminal, self.last = terminal, ""

    def print(self, text: str) -> None:
        """Pass a line of Snakemake on."""
        print(text, file=self.terminal, flush=True)

    def update(self, standing: Standing) -> None:
        """Say how the suite stands, if that has changed."""
        if (line := standing.line()) != self.last:
            self.print(line)
        self.last = line

    def close(self) -> None:
        """Nothing is left to do."""


class Bar(Lines):
    """A bar below the lines."""

    every = OFTEN

    def __init__(self, terminal: TextIO):
        super().__init__(terminal)
        self.bar: tqdm | None = None

    def print(self, text: str) -> None:
        """Pass a line of Snakemake on, above the bar."""
        tqdm.write(text, file=self.terminal)

    def update(self, standing: Standing) -> None:
        """Draw the bar anew."""
        if self.bar is None:
            self.bar = tqdm(
                total=standing.total, file=self.terminal, dynamic_ncols=True, leave=False, bar_format=BAR, miniters=1
            )
        self.bar.n, self.bar.total = standing.ended, standing.total
        self.bar.set_description_str(f"{standing.ended} of {standing.total}", refresh=False)
        left = f"{duration(standing.left)} left" if standing.left else ""
        failed = f", {len(standing.failed)} failed" if standing.failed else ""
        working = [f"{note.job} {note.subject}" for note in standing.working]
        self.bar.set_postfix_str(f"{left}{failed} | {' | '.join(working)}", refresh=False)
        self.bar.refresh()

    def close(self) -> None:
        """Remove the bar."""
        if self.bar is not None:
            self.bar.close()
