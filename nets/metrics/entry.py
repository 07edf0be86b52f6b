"""One number of `metrics.json`."""

import math
from typing import Any

from nets.errors import UserError
from nets.metrics.metric import all_metrics, parts


def entry(name: str, value: float | None, **more: Any) -> dict[str, Any]:
    """One metric of `metrics.json`; a value that is no number becomes a hole with its reason.

    Raises UserError for a metric that is in no table.
    """
    metric = all_metrics().get(parts(name)[0])
    if metric is None:
        raise UserError(f"The metric {name!r} is in no table of nets/metrics/; add its entry there.")
    if value is not None and not math.isfinite(value):
        more, value = {"reason": f"It was {value}, which no mean can be taken of."} | more, None
    return {"split": "test", "metric": name, "value": value, "direction": metric.direction, "passport": None} | more
