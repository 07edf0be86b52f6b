"""The failed jobs in Snakemake's log: each once, with the reason from its own log."""

import re
import shlex
from collections import Counter
from pathlib import Path

FAILED = re.compile(  # a command in Snakemake's log
    r"Command '.*?\}; +nets (?P<job>\w+) (?P<words>.*)' (?:returned non-zero exit status|died with)"
)
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
    """The last line of a job's log; for a stack trace, the first line after its frames."""
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines() if path.exists() else []
    starts = [number for number, line in enumerate(lines) if line.startswith("Traceback ")]
    end = lines[starts[-1] + 1 :] if starts else []
    last = next((line for line in end if line[:1].strip()), None)
    last = last or next((line for line in reversed(lines) if line.strip()), "its log is empty")
    return f"{last.strip()} ({path})"
