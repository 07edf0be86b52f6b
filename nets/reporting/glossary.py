"""What metrics and tasks are called, how their numbers are written, and what they mean to a student."""

import dataclasses

from nets.metrics.metric import Metric, all_metrics, parts
from nets.tasks.kinds import KINDS

ARROWS = {"higher": "↑", "lower": "↓", "none": ""}
COLUMNS = (  # the order of metrics in tables; others follow
    *("top1", "top1_sampled", "top5", "nll", "ece"),
    *("mse", "mae", "psnr", "squared_error", "ssim", "bce"),
    *("kl", "elbo", "nll_is64", "bpd", "active_units", "probe_top1", "knn_top1", "objective"),
    *("miou", "dice", "pixel_accuracy", "boundary_f1"),
    *("fid", "kid", "is", "precision", "recall", "density", "coverage", "class_tv", "copies"),
)
METRICS = all_metrics()

QUALIFIER_TEXTS = {
    "best epoch": "Measured with the weights that were best on validation data; plain names of classifiers mean the "
    "last epoch. Autoencoders and segmenters are measured with their best weights alone.",
    "in-domain": "Features of a classifier that this suite trained on the same data set.",
    "Inception": "Features of Inception v3, trained on ImageNet: the literature's choice; on digits it means little.",
}

TASKS = {kind.family.name: (kind.family.title, kind.family.text) for kind in KINDS.values()}

STATUSES = {
    "diverged": "diverged",
    "out_of_memory": "out of memory",
    "timed_out": "timed out",
    "no_data": "no data",
}


def describe(name: str) -> Metric:
    """A metric with its qualifiers in the label; one unknown here keeps its name."""
    base, qualifiers = parts(name)
    known = METRICS.get(base) or Metric(base, "", None, "none", "", None)
    return dataclasses.replace(known, label=" ".join([known.label, *qualifiers]))


def order(name: str) -> tuple[bool, int]:
    """Where a metric stands in a table: those of the last weights first, then as `COLUMNS` lists them."""
    base, qualifiers = parts(name)
    known = [*COLUMNS, *METRICS]
    return "best epoch" in qualifiers, known.index(base) if base in known else len(known)


def task_title(task: str) -> str:
    """A task's heading."""
    return TASKS.get(task, (task.capitalize(), ""))[0]


def number(value: float, decimals: int | None) -> str:
    """A number with its decimals and a real minus sign."""
    text = f"{value:.4g}" if decimals is None else f"{value:.{decimals}f}"
    return text.replace("-", "−")


def count(value: float) -> str:
    """A large count for people: 61.7 k, 138 M."""
    for limit, unit in ((1e9, " G"), (1e6, " M"), (1e3, " k")):
        if value >= 0.9995 * limit:
            return f"{value / limit:.3g}{unit}"
    return f"{value:.0f}"


def duration(seconds: float) -> str:
    """A time for people: 12.3 s, 4 min 05 s, 2 h 10 min."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"
