"""What metrics and tasks are called, how their numbers are written, and what they mean to a student."""

from dataclasses import dataclass

ARROWS = {"higher": "↑", "lower": "↓", "none": ""}
QUALIFIERS = {"_best": "best epoch", "_indomain": "in-domain", "_inception": "Inception"}


@dataclass(frozen=True)
class Metric:
    """A metric as tables show it."""

    label: str
    unit: str
    decimals: int | None  # None: four significant digits
    text: str


METRICS = {
    "top1": Metric("Top-1", "%", 2, "Share of images whose most probable class is the right one."),
    "top1_sampled": Metric("Top-1, sampled code", "%", 2, "Top-1 of a VAE's classifier on a sample of each image's "
                           "code, as in training; plain top-1 is that on the mean of the code."),
    "top5": Metric("Top-5", "%", 2, "Share of images whose right class is among the five most probable."),
    "nll": Metric("NLL", "nats", 4, "Negative log-likelihood: how surprised the network is by the truth, on average. "
                  "It punishes being wrong with confidence."),
    "ece": Metric("ECE", "%", 2, "Expected calibration error: how far stated confidence is from the share of right "
                  "answers. 0 means that of answers given with 80 % confidence, 80 % are right."),
    "mse": Metric("MSE", "", 5, "Mean squared error of pixels in 0..1."),
    "mae": Metric("MAE", "", 4, "Mean absolute error of pixels in 0..1."),
    "psnr": Metric("PSNR", "dB", 2, "Peak signal-to-noise ratio: the squared error on a logarithmic scale; "
                   "6 dB more is half the error of a pixel."),
    "squared_error": Metric("Squared error", "", 2, "Squared error of pixels in 0..1, summed over an image: MSE times "
                            "the number of pixels."),
    "ssim": Metric("SSIM", "", 4, "Structural similarity: likeness of local brightness, contrast and structure; "
                   "1 means equal."),
    "bce": Metric("BCE", "nats", 2, "Binary cross-entropy of an image, summed over its pixels. It takes a grey pixel "
                  "as the chance of a white one, so even of a perfect reconstruction it is not zero but the entropy of "
                  "the pixels; it is zero for black and white images alone."),
    "kl": Metric("KL", "nats", 2, "Rate of a VAE: how far the code's distribution, given the image, is from the "
                 "prior; what the code says of its image."),
    "elbo": Metric("ELBO", "nats", 2, "Evidence lower bound of a VAE: minus BCE (by a sample of the code) minus KL; "
                   "at most the logarithm of the probability that the model gives to the image."),
    "nll_is64": Metric("NLL, 64 samples", "nats", 2, "Negative log-likelihood of an image under a VAE, estimated by "
                       "64 importance samples of its code: between the truth and minus ELBO, lower with more samples."),
    "bpd": Metric("NLL", "bits/dim", 4, "The same negative log-likelihood in bits, by pixel. It compares with "
                  "papers on binary images, not with those on 256 levels of grey; images in colour have none."),
    "active_units": Metric("Active units", "", 0, "How many numbers of a VAE's code vary with the image (variance of "
                           "the mean above 0.01); the others have given up and repeat the prior."),
    "probe_top1": Metric("Linear probe", "%", 2, "Top-1 of a logistic regression on the frozen code: how much of the "
                         "class can be read from it by straight lines."),
    "knn_top1": Metric("k-NN", "%", 2, "Top-1 by the 5 nearest training codes: how well classes keep together."),
    "objective": Metric("Objective", "", 4, "The loss that the row's recipe trains, on test data. Recipes differ in "
                        "its form: compare it with the recipe's source, not between rows."),
    "miou": Metric("Mean IoU", "%", 2, "Intersection over union: of the pixels that either the truth or the network "
                   "gives to a class, the share that both give to it; over all test images, the mean over classes."),
    "dice": Metric("Dice", "%", 2, "Twice the common pixels of truth and answer over the sum of both, the mean over "
                   "classes; kinder than IoU to half a hit."),
    "pixel_accuracy": Metric("Pixel accuracy", "%", 2, "Share of pixels with the right class. High wherever one class, "
                             "such as the ground, fills most of the image."),
    "boundary_f1": Metric("Boundary F1", "%", 2, "How well outlines agree: the harmonic mean of the share of the "
                          "answer's boundary pixels near true ones and of the truth's near the answer's; the mean over "
                          "classes. Near: at most 0.75 % of the image's diagonal, or one pixel, along either axis."),
    "fid": Metric("FID", "", 2, "Fréchet distance of the features of generated and real images, each taken as a "
                  "Gaussian. It falls with more samples, so only numbers of the same passport compare."),
    "kid": Metric("KID", "", 5, "Kernel distance of the same features: unbiased also for small sets, "
                  "so it may be slightly below 0."),
    "is": Metric("IS", "", 2, "Inception Score: large where a classifier is sure of each image, and of many classes "
                 "over all; at most the number of classes. It never looks at real images."),
    "precision": Metric("Precision", "", 3, "Share of generated images that lie among real ones: are they plausible?"),
    "recall": Metric("Recall", "", 3, "Share of real images that lie among generated ones: is all variety there?"),
    "density": Metric("Density", "", 3, "As precision, but counting how many real neighbourhoods hold a generated "
                      "image; real images have about 1."),
    "coverage": Metric("Coverage", "", 3, "As recall, but by neighbourhoods of real images that hold a generated one."),
    "class_tv": Metric("Class error", "%", 1, "Total variation between the classes of generated and of real images, as "
                       "a classifier sees them: the share that would have to change class."),
    "copies": Metric("Near-copies", "%", 1, "Share of generated images nearer to a training image, in pixels, than "
                     "99 % of held-out real images are. Fresh real images have about 1."),
}  # fmt: skip

QUALIFIER_TEXTS = {
    "best epoch": "Measured with the weights that were best on validation data; plain names of classifiers mean the "
    "last epoch. Autoencoders and segmenters are measured with their best weights alone.",
    "in-domain": "Features of a classifier that this suite trained on the same data set.",
    "Inception": "Features of Inception v3, trained on ImageNet: the literature's choice; on digits it means little.",
}

TASKS = {
    "classification": ("Classification", "A network looks at an image and names its class."),
    "reconstruction": ("Reconstruction", "A network squeezes an image through a small code and has to draw it again."),
    "generation": ("Generation", "A network invents images. Adversarial ones learn by fooling a second network, which "
                   "learns to tell their images from real ones; diffusion takes noise away, step by step, until an "
                   "image is left."),
    "segmentation": ("Segmentation", "A network names the class of every pixel."),
}  # fmt: skip

STATUSES = {"out_of_memory": "out of memory", "timed_out": "timed out", "no_data": "no data"}


def parts(name: str) -> tuple[str, list[str]]:
    """A metric's base name and its qualifiers: fid_indomain is fid, in-domain."""
    qualifiers: list[str] = []
    for suffix, words in QUALIFIERS.items():
        if name.endswith(suffix) and name != suffix:
            name, qualifiers = name.removesuffix(suffix), [*qualifiers, words]
    return name, qualifiers


def describe(name: str) -> Metric:
    """A metric with its qualifiers in the label; an unknown one keeps its name."""
    base, qualifiers = parts(name)
    known = METRICS.get(base, Metric(base, "", None, ""))
    return Metric(" ".join([known.label, *qualifiers]), known.unit, known.decimals, known.text)


def order(name: str) -> tuple[bool, int]:
    """Where a metric stands in a table: those of the last weights first, then as listed here."""
    base, qualifiers = parts(name)
    known = list(METRICS)
    return "best epoch" in qualifiers, known.index(base) if base in known else len(known)


def is_metric(column: str) -> bool:
    """Whether a column of a history, such as `validation/top1`, is a metric and not a loss."""
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
