"""Passports: how a fidelity number was measured. Numbers are compared in one column only if their passports agree.

A passport holds the number of samples, the reference images, the extractor with the hash of its weights, the number
types of samples and of features, and how samples were drawn. It is issued when a number is measured, and read wherever
numbers are compared.
"""

from collections.abc import Iterable
from typing import Any

from nets.files import sha256_of_json

# With fewer images on either side, the bias of FID is so large that numbers are called indicative: they don't compare
# with the literature (Bińkowski et al. 2018).
ENOUGH = 10_000
SHARE_OF_ERRORS = 0.5  # of those of guessing, that a classifier may make to be an extractor
NOISE = "noise against test images"  # the title of the worst row of the scale
NAMES = {
    "samples": "generated images",
    "steps": "sampling steps",
    "ema": "moving average of weights",
    "extractor.name": "extractor",
    "extractor.run": "extractor's run",
    "extractor.top1": "its top-1 on test images in %",
    "extractor.classes": "its classes",
    "extractor.weights_sha256": "SHA-256 of its weights",
    "extractor.number_type": "number type of features",
    "number_type": "number type of samples",
    "reference.count": "reference images",
    "reference.split": "reference split",
    "reference.resolution": "resolution",
    "reference.images_sha256": "SHA-256 of its images",
}
DRAWN = ("sampler", "steps", "ema")  # how a model draws; belongs to the model and is shown in its row
HIDDEN = ("indicative", *DRAWN)


def indicative(reference: int, samples: int) -> bool:
    """Whether there are too few images to compare a number with the literature."""
    return min(reference, samples) < ENOUGH


def weakness(extractor: dict[str, Any]) -> str:
    """Why a classifier is too weak to measure with, in a sentence; empty if it isn't, or is none of ours.

    It must avoid half of the errors that guessing makes among its classes.
    """
    top1, classes = extractor.get("top1"), extractor.get("classes")
    if top1 is None or classes is None:
        return ""
    least = 100 - SHARE_OF_ERRORS * 100 * (1 - 1 / classes)
    if top1 >= least:
        return ""
    return (
        f"The extractor, {extractor['network']}, is too weak: its top-1 on test images is {top1:.1f} %, and with "
        f"{classes} classes it must be {least:.1f} %, half the errors of guessing."
    )


def issue(extractor: dict[str, Any], reference: dict[str, Any], sampling: dict[str, Any]) -> dict[str, Any]:
    """A passport; `reference` describes the real images, `sampling` the generated ones."""
    return {
        "extractor": extractor,
        "reference": reference,
        **sampling,
        "indicative": indicative(reference["count"], sampling["samples"]),
    }


def digest(passport: dict[str, Any] | None) -> str:
    """Eight hex digits, equal for numbers that were measured alike, however samples were drawn; empty for None."""
    if passport is None:
        return ""
    measured = {key: value for key, value in passport.items() if key not in DRAWN}
    return sha256_of_json(measured)[:8]


def manner(how: dict[str, Any]) -> str:
    """How samples were drawn, in words: 'DDIM, eta 0, 50 steps, moving average 0.999'."""
    words = f"{how['sampler']}, {how['steps']} step{'s' if how['steps'] != 1 else ''}"
    return words + (f", moving average {how['ema']:g}" if how["ema"] else "")


def facts(passport: dict[str, Any]) -> dict[str, str]:
    """A passport as readable names and values, nested objects flattened."""
    return {NAMES.get(key, key.rpartition(".")[2].replace("_", " ")): value for key, value in _flat(passport)}


def _flat(passport: dict[str, Any], prefix: str = "") -> Iterable[tuple[str, str]]:
    for key, value in passport.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{key}.")
        elif prefix + key not in HIDDEN:
            yield prefix + key, _text(value)


def _text(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return f"{value:,}".replace(",", "\u202f") if isinstance(value, int) else str(value)


def reason(passport: dict[str, Any]) -> str:
    """Why numbers with this passport are only indicative; empty if they are not."""
    if not passport.get("indicative"):
        return ""
    samples, real = passport["samples"], passport["reference"]["count"]
    return (
        f"Indicative: {_text(samples)} generated and {_text(real)} real images are too few "
        "to compare these numbers with the literature."
    )


def sentence(passport: dict[str, Any]) -> str:
    """A passport as a note under a table; long hashes are shortened."""
    words = [f"{name} {text[:12] + '…' if len(text) == 64 else text}" for name, text in facts(passport).items()]
    return f"{reason(passport)} Passport {digest(passport)}: {'; '.join(words)}.".strip()
