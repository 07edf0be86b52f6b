"""What jobs share: options, and one sentence instead of a stack trace for errors that are not the program's fault."""

import argparse
import contextlib
import errno
import os
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from nets import trust
from nets.errors import UserError, is_out_of_memory
from nets.machine import attempts, costs
from nets.machine.progress import announce
from nets.suite.failures import last_words
from nets.trust import Redacted, redacted, refuse_links

REMEDIES = {
    errno.ENOENT: "make it with the rule that writes it, or correct the path",
    errno.ENOTDIR: "a file is where a folder should be; move it away, or correct the path",
    **dict.fromkeys((errno.EACCES, errno.EROFS), "allow writing there, or choose another folder with --directory"),
    errno.ENOSPC: "free some space; a started run continues from its checkpoint",
    errno.EFBIG: "allow larger files (ulimit -f)",
}


def add_run_options(parser: argparse.ArgumentParser) -> None:
    """The options of the jobs that compute one run on a device."""
    parser.add_argument("--run-dir", type=Path, required=True, help="folder of the run; results go there")
    parser.add_argument("--data-dir", type=Path, required=True, help="folder of the prepared data set")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads (default: %(default)s)")
    parser.add_argument(
        "--retry", default=os.environ.get("NETS_RETRY"), help="command that tries the run again, shown for a hole"
    )
    parser.add_argument("--alone", action="store_true", help="take all slots of a device")


def known_inception() -> str:
    """The SHA-256 of Inception's weights in weights.yaml."""
    from nets.suite.catalogues import beside, digits_of, merged

    return digits_of(merged("weights", beside())["inception"])


def marked_builders() -> set[str]:
    """The functions that the catalogues of the user's table mark as builders of networks: a run's description can't."""
    from nets.suite.catalogues import beside, merged

    entries = merged("models", beside()).values()
    groups = [group for entry in entries for group in (entry["networks"], *entry.get("variants", {}).values())]
    return {network["class"] for group in groups for network in group.values() if network.get("builder")}


@contextlib.contextmanager
def checked() -> Iterator[None]:
    """While a job works, functions build networks only where a catalogue marks them as builders."""
    before, trust.known_builders = trust.known_builders, marked_builders
    try:
        yield
    finally:
        trust.known_builders = before


def run_job(
    work: Callable[[], object],
    log: Path | None = None,
    passed: tuple[type[Exception], ...] = (),
    folder: Path | None = None,
) -> int:
    """Call `work` and return the exit status. A UserError and a missing or unwritable file become one sentence.

    The sentence, or the stack trace of another error, goes to standard error and to the `log`. Exceptions of the types
    in `passed` are raised. If Snakemake tries a job again that another try can't mend, the job ends at once, with the
    last of the same words. `folder` is that in which the job works; it is refused if a link leads out of it. No output
    shows passwords or tokens.
    """
    with contextlib.redirect_stdout(Redacted(sys.stdout)), contextlib.redirect_stderr(Redacted(sys.stderr)), checked():
        try:
            if folder:
                refuse_links(folder)
        except UserError as error:
            return fail(str(error), None)
        if failed := attempts.earlier():
            return fail_again(failed.rstrip(), log)
        try:
            with attempts.crash_noted(), costs.noted(folder, passed):
                work()
        except passed:
            raise
        except BaseException as error:  # somebody's network may raise what is no Exception
            sentence = sentence_of(error)
            text = sentence or traceback.format_exc().rstrip()
            if sentence or not may_pass(error):
                with contextlib.suppress(OSError):  # such as a full disk
                    attempts.give_up(redacted(text))
            return fail(text, log)
    return 0


def print_lines(lines: Iterable[str]) -> None:
    """Print lines, to a reader that may have enough (`head`)."""
    try:
        print("\n".join(lines), flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def sentence_of(error: BaseException) -> str | None:
    """The sentence that says what the user can do about an error; None if it is not for the user to mend."""
    if isinstance(error, UserError):
        return str(error)
    if isinstance(error, SystemExit):  # such as in somebody's network
        return f"Python was asked to exit (sys.exit({error.code!r})) while the job worked; no network may do that."
    if isinstance(error, KeyboardInterrupt):
        place = traceback.extract_tb(error.__traceback__)[-1]
        return f"Interrupted (Ctrl-C, or KeyboardInterrupt in {place.filename}, line {place.lineno})."
    if isinstance(error, OSError) and error.errno in REMEDIES:
        return f"{error.filename or 'A file'}: {error.strerror}; {REMEDIES[error.errno]}."
    return None


def may_pass(error: BaseException) -> bool:
    """Whether another try may succeed: memory ran out, or the system reports a fault, such as a stale file handle."""
    return is_out_of_memory(error) or (isinstance(error, OSError) and error.errno is not None)


def fail_again(text: str, log: Path | None) -> int:
    """`fail` for an error of an earlier try: its log gets all of it, the terminal the last words."""
    if log is None:
        return fail(text, None)
    announce(text, log, silent=True)
    announce(f"{last_words(text)} (It is not tried again, since that would not help: {log})", None)
    return 1


def fail(text: str, log: Path | None) -> int:
    """Write to standard error and to the log why a job ends early; returns the exit status of a failure."""
    announce(text, log)
    return 1
