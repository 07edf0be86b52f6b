"""One number of `metrics.json`."""

import math
from typing import Any


def entry(name: str, value: float | None, direction: str, **more: Any) -> dict[str, Any]:
    """One metric of `metrics.json`; a value that is no number becomes a hole with its reason."""
    if value is not None and not math.isfinite(value):
        more, value = {"reason": f"It was {value}, which no mean can be taken of."} | more, None
    return {"split": "test", "metric": name, "value": value, "direction": direction, "passport": None} | more
