"""What every job does: end with one sentence instead of a stack trace for what is not a fault of the program."""

import contextlib
import errno
import math
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from nets.errors import UserError


def run_job(work: Callable[[], None], log: Path | None = None, passed: tuple[type[Exception], ...] = ()) -> int:
    """Call `work`; returns the exit status. A missing or unwritable file, or a UserError, becomes a sentence.

    What went wrong is told on the standard error, and in the `log`; exceptions that are `passed` on are no errors.
    """
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
            note(traceback.format_exc(), log)
            raise
        return tell(f"{error.filename or 'A file'}: {error.strerror}; {remedy}.", log)
    except UserError as error:
        return tell(str(error), log)
    except passed:
        raise
    except Exception:
        note(traceback.format_exc(), log)
        raise
    return 0


def tell(sentence: str, log: Path | None) -> int:
    """Say a sentence on the standard error and in the log; returns the exit status of a job that fails with it."""
    print(sentence, file=sys.stderr)
    note(sentence, log)
    return 1


def note(text: str, log: Path | None) -> None:
    """Add text to a log, as far as that can be written."""
    if log:
        with contextlib.suppress(OSError), open(log, "a") as file:
            print(text.rstrip(), file=file)


def entry(name: str, value: float | None, direction: str, **more: Any) -> dict[str, Any]:
    """One metric of `metrics.json`; a value that is no number becomes a hole with its reason."""
    if value is not None and not math.isfinite(value):
        more, value = {"reason": f"It was {value}, which no mean can be taken of."} | more, None
    return {"split": "test", "metric": name, "value": value, "direction": direction, "passport": None} | more
