"""What every job does: end with one sentence instead of a stack trace for what is not a fault of the program."""

import errno
import math
import sys
from collections.abc import Callable
from typing import Any

from nets.errors import UserError


def run_job(work: Callable[[], None]) -> int:
    """Call `work`; returns the exit status. A missing or unwritable file, or a UserError, becomes a sentence."""
    try:
        work()
    except OSError as error:
        remedy = {
            errno.ENOENT: "make it with the rule that writes it, or correct the path",
            errno.EACCES: "allow writing there, or choose another folder with --directory",
            errno.EROFS: "choose another folder with --directory",
            errno.ENOSPC: "free some space; a started run continues from its checkpoint",
        }.get(error.errno or 0)
        if remedy is None:
            raise
        print(f"{error.filename or 'A file'}: {error.strerror}; {remedy}.", file=sys.stderr)
        return 1
    except UserError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def entry(name: str, value: float | None, direction: str, **more: Any) -> dict[str, Any]:
    """One metric of `metrics.json`; a value that is no number becomes a hole with its reason."""
    if value is not None and not math.isfinite(value):
        more, value = {"reason": f"It was {value}, which no mean can be taken of."} | more, None
    return {"split": "test", "metric": name, "value": value, "direction": direction, "passport": None} | more
