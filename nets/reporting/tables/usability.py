"""Which fidelity numbers can't be used: their extractor is too weak, or they don't rank real images above noise."""

from nets.fidelity.passport import NOISE, weakness
from nets.reporting import glossary
from nets.reporting.results import Result
from nets.reporting.tables.passports import passports_of
from nets.reporting.tables.scale import read_scale


def unusable(results: list[Result]) -> dict[tuple[str, str], str]:
    """The reason, in a sentence, by metric and digest of the passport, of results that share a data set."""
    scale = read_scale(results)
    reasons = {}
    for digest, passport in passports_of(results).items():
        weak = weakness(passport.content.get("extractor") or {})
        measured = [entry for entry in scale if (entry["samples"], entry["reference"]) == passport.counts]
        for metric in passport.metrics:
            if reason := weak or disorder(metric, measured):
                reasons[metric, digest] = reason
    return reasons


def unusable_curves(results: list[Result]) -> dict[str, str]:
    """The same reasons by metric alone, for curves on validation data, which have no passports."""
    return {metric: reason for (metric, _), reason in unusable(results).items()}


def disorder(metric: str, scale: list[dict]) -> str:
    """Why rows of the scale are out of order: noise must be worse than any real images. Empty if they are in order."""
    entry = glossary.describe(metric)
    if entry.direction == "none":
        return ""
    sign = 1 if entry.direction == "higher" else -1
    found = [(entry["title"] == NOISE, entry["metrics"][metric]) for entry in scale if metric in entry["metrics"]]
    noise, real = [value for is_noise, value in found if is_noise], [value for is_noise, value in found if not is_noise]
    if not noise or not real or sign * noise[0] < min(sign * value for value in real):
        return ""
    worst = min(real, key=lambda value: sign * value)
    texts = [glossary.number(value, entry.decimals) for value in (noise[0], worst)]
    return f"{entry.label} does not rank real images above noise here: noise has {texts[0]}, real images {texts[1]}."
