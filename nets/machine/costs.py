"""What jobs are doing now, and what they have cost: notes beside the folders that they work in.

While a job works, it holds a lock on its note, `.jobs/<job>-<folder>.json` beside its folder. So a reader can tell a
job at work from one that was killed, on this machine and on others that share the files. When the job has ended, its
cost is in `costs.json` in its folder. Both only inform: no stage depends on them.
"""

import contextlib
import datetime
import fcntl
import json
import os
import platform
import resource
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, NamedTuple

from nets.errors import first_line
from nets.files import read_json, write_json
from nets.machine.energy import METER, Reading, joules
from nets.machine.locks import try_lock
from nets.trust import redacted, refuse_links

NOTES, COSTS = ".jobs", "costs.json"
EVERY = 2.0  # seconds between two notes on the progress of a job
COSTLY = (  # jobs with a folder of their own
    *("prepare", "reference", "train", "evaluate", "repeat", "draw"),
    *("collect", "compare", "report", "track"),
)
NUMBERS = ("seconds", "cpu_seconds", "peak_memory_mb")  # in all costs
LONGEST = 100_000  # characters of a note


class Note(NamedTuple):
    """What a job says of itself."""

    job: str  # "train"
    subject: str  # the name of its folder, such as that of the run
    content: dict[str, Any]  # started; host; and, if it says so, `where` it is and `left`, in seconds; or `failed`
    working: bool  # whether the job is at work, as its lock says


current: IO[bytes] | None = None  # this job's note
about: dict[str, Any] = {}  # what it says
told = 0.0  # when it was last written
began = 0.0  # when its work began


@contextlib.contextmanager
def noted(folder: Path | None, passed: tuple[type[BaseException], ...] = ()) -> Iterator[None]:
    """Note what this process is doing in a folder, while the block runs, and then what it has cost.

    An error is noted as well, unless its type is in `passed`: then the job has only been stopped.
    """
    job = Path(sys.argv[0]).stem
    if folder is None or job not in COSTLY or current is not None:
        yield
        return
    path, before, cpu = folder.parent / NOTES / f"{job}-{folder.name}.json", Reading.now(), time.process_time()
    with contextlib.suppress(OSError, ValueError):
        begin(path)
    waited()
    try:
        yield
        with contextlib.suppress(OSError, ValueError):
            started = datetime.datetime.fromtimestamp(began, datetime.UTC).isoformat(timespec="seconds")
            spent: dict[str, Any] = {"started": started}
            spent |= {"seconds": round(time.time() - began, 2), "cpu_seconds": round(time.process_time() - cpu, 2)}
            energy = joules(before, Reading.now())
            spent |= {"joules": energy, "meter": None if energy is None else METER, "peak_memory_mb": peak()}
            write_costs(folder, job, spent)
    except BaseException as error:
        if not isinstance(error, passed):
            failed(first_line(error) or type(error).__name__)
        raise
    finally:
        end(path)


def begin(path: Path) -> None:
    """Make this job's note, and hold its lock. Without rights or space there is none."""
    global current, told
    path.parent.mkdir(parents=True, exist_ok=True)
    refuse_links(path.parent)
    for _ in range(50):  # a reader holds the lock for a moment
        if (current := try_lock(path)) is not None:
            break
        time.sleep(0.01)
    about.clear()
    about.update({"host": platform.node(), "pid": os.getpid(), "started": time.time()})
    told = 0.0
    tell()


def waited() -> None:
    """Count the seconds of this job from now on: what it has waited for, such as a GPU slot, costs nothing."""
    global began
    began = time.time()


def tell(**facts: Any) -> None:
    """Add facts to this job's note, such as `left=12.0`; most calls write nothing."""
    global told
    about.update(facts)
    if current is None or time.monotonic() - told < EVERY and told:
        return
    told = time.monotonic()
    with contextlib.suppress(OSError):
        content = json.dumps(about).encode()
        os.pwrite(current.fileno(), content, 0)
        os.ftruncate(current.fileno(), len(content))


def failed(sentence: str) -> None:
    """Note that this job ends with an error; the note stays until the job begins again."""
    global told
    told = 0.0
    tell(failed=redacted(sentence)[:2000])


def end(path: Path) -> None:
    """Release the lock, and remove the note unless the job has failed."""
    global current
    if current is not None:
        with contextlib.suppress(OSError):
            if "failed" not in about:
                path.unlink(missing_ok=True)
        current.close()
        current = None
        about.clear()


def peak() -> float:
    """The peak memory of this process in MiB."""
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10), 1)


def write_costs(folder: Path, job: str, spent: dict[str, Any]) -> None:
    """Write what a job has cost beside what the others have."""
    write_json(folder / COSTS, read_costs(folder) | {job: spent})


def read_costs(folder: Path) -> dict[str, dict[str, Any]]:
    """What the jobs of a folder have cost, by job; empty if unknown.

    `started` (ISO 8601), `seconds`, `cpu_seconds`, `peak_memory_mb`, and `joules` and their `meter`, null without one.
    """
    try:
        found = read_json(folder / COSTS)
    except (ValueError, OSError):
        return {}
    return {
        job: spent
        for job, spent in found.items()
        if isinstance(spent, dict) and all(isinstance(spent.get(key), int | float) for key in NUMBERS)
    }


def notes(*folders: Path) -> list[Note]:
    """The notes of the jobs that work below these folders, or have failed there; reads files only."""
    found = []
    for folder in folders:
        for path in sorted((folder / NOTES).glob("*-*.json")) if (folder / NOTES).is_dir() else ():
            job, _, subject = path.stem.partition("-")
            with contextlib.suppress(OSError, ValueError):
                content = json.loads(path.read_text(encoding="utf-8")[:LONGEST] or "{}")
                if isinstance(content, dict):
                    found.append(Note(job, subject, content, is_locked(path)))
    return found


def is_locked(path: Path) -> bool:
    """Whether a job holds the lock on its note."""
    held = try_lock(path, fcntl.LOCK_SH)
    if held is None:
        return True
    held.close()
    return False
