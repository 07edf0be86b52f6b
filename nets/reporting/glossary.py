"""Names of metrics, tasks and statuses, explanations for students, and formats of numbers."""

import dataclasses

from nets.metrics.metric import Metric, all_metrics, parts
from nets.tasks.kinds import KINDS

ARROWS = {"higher": "↑", "lower": "↓", "none": ""}
ORDER = (  # of metrics in tables; others follow
    *("top1", "top1_sampled", "balanced", "top5", "nll", "ece"),
    *("mse", "mae", "psnr", "squared_error", "ssim", "bce", "pixel_entropy"),
    *("kl", "elbo_grey", "nll_binarised_is64", "nll_binarised_is5000", "active_units"),
    *("probe_top1", "knn_top1", "objective"),
    *("miou", "dice", "pixel_accuracy", "boundary_f1"),
    *("fid", "kid", "is", "precision", "recall", "density", "coverage", "class_tv", "copies"),
)
METRICS = all_metrics()

QUALIFIER_TEXTS = {
    "chosen on validation": "Measured with the weights that were best on validation data, chosen before any test image "
    "was read. Autoencoders and segmenters are only measured with these weights.",
    "best on test (leaks)": "The best of all epochs, chosen by the test images themselves, as many repositories print. "
    "It flatters: what is best by luck is chosen, so new images would give less. It compares only with its like.",
    "in-domain": "In the features of a classifier that this suite trained on the same data set.",
    "Inception": "In the features of Inception v3, trained on ImageNet: the standard in the literature. On digits it "
    "means little.",
}

TASKS = {kind.family.name: (kind.family.title, kind.family.text) for kind in KINDS.values()}

STATUSES = {"out_of_memory": "out of memory", "timed_out": "timed out", "no_data": "no data"}


def describe(name: str) -> Metric:
    """A metric with its qualifiers in the label. The label of an unknown metric is its name."""
    base, qualifiers = parts(name)
    metric = METRICS.get(base) or Metric(base, "", None, "none", "", None)
    return dataclasses.replace(metric, label=" ".join([metric.label, *qualifiers]))


def order(name: str) -> int:
    """A metric's sort key in a table: the order is that of `ORDER`."""
    base, names = parts(name)[0], [*ORDER, *METRICS]
    return names.index(base) if base in names else len(names)


def is_metric(column: str) -> bool:
    """Whether a column of a history, such as `validation/top1`, is a metric rather than a loss."""
    return parts(column.partition("/")[2])[0] in METRICS


def loss_label(column: str) -> str:
    """'Generator loss' for the column `train/generator` of a history."""
    words = column.partition("/")[2].replace("_", " ").capitalize()
    return words if words == "Loss" else f"{words} loss"


def task_title(task: str) -> str:
    """A task's heading."""
    return TASKS.get(task, (task.capitalize(), ""))[0]


def status(name: str) -> str:
    """How a run ended, in words."""
    return STATUSES.get(name, name)


def number(value: float, decimals: int | None) -> str:
    """A number with this many decimals (None, or from a million on: four significant digits) and a real minus sign."""
    text = f"{value:.4g}" if decimals is None or abs(value) >= 1e6 else f"{value:.{decimals}f}"
    return text.replace("-", "−")


def count(value: float) -> str:
    """A count for people: 61.7 k, 138 M."""
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
