"""What the commands of this folder share: options, the device, the end of their time, and lines of JSON."""

import argparse
import contextlib
import faulthandler
import json
import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch

from benchmarks.gpu.bench import CPU
from nets.machine.provenance import describe_machine
from nets.training.numerics import choose_device


def parser_of(module: str, text: str | None, minutes: float | None = None) -> argparse.ArgumentParser:
    """The parser of `python -m benchmarks.gpu...`, described by the docstring of its module.

    `minutes` is the default; None: they must be given.
    """
    parser = argparse.ArgumentParser(
        prog=f"python -m {module}", description=text, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    default = "" if minutes is None else " (default: %(default)s)"
    parser.add_argument(
        "--minutes", type=float, default=minutes, required=minutes is None, help=f"when to stop{default}"
    )
    parser.add_argument("--out", type=Path, required=True, help="folder for results")
    parser.add_argument("--pretend", action="store_true", help="work on the CPU, with small limits")
    return parser


def device_of(pretend: bool) -> torch.device:
    """The GPU, or the CPU to pretend one. Ends the process if there is no GPU."""
    device = choose_device(1 if pretend else None)
    if pretend:
        return CPU
    if device.type != "cuda":
        sys.exit("torch finds no GPU here; --pretend works on the CPU.")
    return device


class OutOfTime(BaseException):
    """The minutes are over."""


@contextlib.contextmanager
def limited(seconds: float) -> Iterator[None]:
    """Raise OutOfTime after some seconds; end the process later still, if a kernel hangs."""

    def end(*_: Any) -> None:
        raise OutOfTime

    before = signal.signal(signal.SIGALRM, end)
    try:
        faulthandler.dump_traceback_later(seconds + 30, exit=True, file=sys.__stderr__)
        signal.setitimer(signal.ITIMER_REAL, seconds)
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        faulthandler.cancel_dump_traceback_later()
        signal.signal(signal.SIGALRM, before)


@contextlib.contextmanager
def journal(
    path: Path, mode: str, device: torch.device, default: Callable[[Any], Any] | None = None, **facts: Any
) -> Iterator[Callable[[dict[str, Any]], None]]:
    """A function that writes a line of JSON to a file, where it is safe at once. The first line is of the machine.

    `default` makes JSON of a value that is none; without it, such a value raises TypeError.
    """
    with open(path, mode, encoding="utf-8") as file:

        def write(line: dict[str, Any]) -> None:
            file.write(json.dumps(line, default=default) + "\n")
            file.flush()
            os.fsync(file.fileno())

        write({"machine": describe_machine(device)} | facts)
        yield write
