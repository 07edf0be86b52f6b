"""The failed jobs in Snakemake's log: each once, with the reason from its own log."""

import re
import shlex
from collections import Counter
from pathlib import Path

FAILED = re.compile(  # a command in Snakemake's log
    r"Command '.*?\}; +nets (?P<job>\w+) (?P<words>.*)' (?:returned non-zero exit status|died with)"
)
CRASH = "Fatal Python error"
SUBJECTS = ("--run-dir", "--dataset", "--weights", "--results")  # the options that name what a job works on


def failures(log: str, tries: int) -> list[str]:
    """One line for every command that failed in all its tries, below a line with their number; empty if none failed."""
    lines = []
    for (job, command), times in Counter(FAILED.findall(log)).items():
        if times < tries:
            continue  # a later try succeeded, or the other tries are in another Snakemake's log
        words = shlex.split(command)
        values = dict(word.split("=", 1) for word in words if word.startswith("--") and "=" in word)
        subject = next((Path(values[option]).name for option in SUBJECTS if option in values), "")
        path = values.get("--log") or (words[words.index("tee") + 1] if "tee" in words else None)
        lines.append(f"  {f'{job} {subject}'.strip()}: {reason(Path(path)) if path else 'see above'}")
    return [f"{len(lines)} job{'s' if len(lines) > 1 else ''} failed:", *lines] if lines else []


def reason(path: Path) -> str:
    """The last words of a job's log, and its path."""
    text = path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""
    return f"{last_words(text)} ({path})"


def last_words(text: str) -> str:
    """The last line of a log; for a stack trace, the first line after its frames, and for a crash, that before them."""
    lines = text.splitlines()
    starts = [number for number, line in enumerate(lines) if line.startswith(("Traceback ", CRASH))]
    end = lines[starts[-1] :] if starts else []
    end = end if end and end[0].startswith(CRASH) else end[1:]
    last = next((line for line in end if line[:1].strip()), None)
    return (last or next((line for line in reversed(lines) if line.strip()), "its log is empty")).strip()
