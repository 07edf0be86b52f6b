"""What a person typed to name a suite, for advice that they can type again. Needs no catalogue."""

import os
import shlex
from pathlib import Path

SUITES = Path(__file__).resolve().parents[2] / "config"


def typed(results: Path) -> str:
    """What names a suite to `make`, as it was typed: 'TABLE=my.tsv' or 'SUITE=quick'; `results` is its folder."""
    name = results.resolve().name
    for key in ("TABLE", "SUITE"):
        if (text := os.environ.get(key)) and Path(text).stem == name:
            return f"{key}={shlex.quote(text)}"
    return f"SUITE={name}" if (SUITES / f"{name}.tsv").exists() else f"TABLE={name}.tsv"
