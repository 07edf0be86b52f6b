"""What a job does when memory runs out: once more with the device to itself, then a hole with its reason."""

import os
import sys

from nets.machine.memory import is_out_of_memory
from nets.machine.slots import shared


class Crowded(RuntimeError):
    """Memory ran out on a device that other jobs use too."""


def out_of_memory(error: BaseException, alone: bool) -> tuple[str, str] | None:
    """Status and reason of a job that ran out of memory; None for other errors. Raises Crowded on a shared device."""
    if not is_out_of_memory(error):
        return None
    if shared() and not alone:
        raise Crowded from error
    return "out_of_memory", f"Memory did not suffice ({str(error).splitlines()[0]}); lower batch_size."


def again_alone(module: str, argv: list[str] | None) -> None:
    """Become a new process that takes all slots of a device, with a CUDA that holds nothing; the locks end here."""
    words = list(argv) if argv is not None else sys.argv[1:]
    print(f"{module}: memory ran out on a shared device; once more, alone.", file=sys.stderr, flush=True)
    os.execv(sys.executable, [sys.executable, "-m", module, *words, "--alone"])
