"""Which functions of the project run: what a key has to know of."""

import inspect
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import CodeType

from nets.suite.catalogues import ROOT
from nets.suite.keys import NEUTRAL
from nets.suite.slices import Slice


@contextmanager
def traced() -> Iterator[set[CodeType]]:
    """The code of all functions that run meanwhile, in threads too."""
    ran: set[CodeType] = set()

    def note(frame, event, argument):
        if event == "call":
            ran.add(frame.f_code)

    before = sys.getprofile()
    sys.setprofile(note)
    threading.setprofile(note)
    try:
        yield ran
    finally:
        sys.setprofile(before)
        threading.setprofile(None)


def missed(ran: set[CodeType], known: Slice, job: str, others: tuple[str, ...] = ()) -> set[tuple[str, str]]:
    """Functions of the project that ran and are no part of a slice: file and name.

    But for those of neutral rooms, of the `job` itself, which reads arguments and writes what others compute, and of
    `others`, files whose part is known by other means.
    """
    neutral = [
        room.replace(".", "/")
        for room in (*NEUTRAL, "nets.suite.slices", "nets.suite.definitions", "nets.suite.syntax")
    ]
    neutral += [f"nets/jobs/{job}"]
    found = set()
    for code in ran:
        if not code.co_filename.startswith(f"{ROOT}/nets/") or not code.co_flags & inspect.CO_OPTIMIZED:
            continue  # not ours, or the body of a module or class
        file = code.co_filename.removeprefix(f"{ROOT}/")
        name = code.co_qualname.partition(".<locals>")[0]
        top = name.partition(".")[0]
        if name.startswith("<"):  # a comprehension or lambda of a module, which has no name of its own
            continue
        if any(file.startswith((f"{room}/", f"{room}.py")) for room in neutral) or file in others:
            continue
        if (file, name) not in known.definitions and not (
            name.rpartition(".")[2].startswith("__") and (file, top) in known.definitions
        ):
            found.add((file, name))
    return found
