"""Rows whose model, data set and recipe cannot work together, refused in one sentence before anything runs."""

import math
from dataclasses import dataclass
from typing import Any

from nets.data.entries import DISTORTIONS
from nets.errors import ConfigError, suggest
from nets.optimizers import OPTIMIZERS
from nets.run import Network, Recipe
from nets.tasks.kinds import KINDS, Kind


def generates(model: dict[str, Any]) -> bool:
    """Whether a model's samples are measured."""
    return KINDS[model["task"]].task is None or model.get("generates", False)


@dataclass(frozen=True)
class Row:
    """A resolved row of a table: what its cells name, with its overrides applied."""

    where: str  # file and line
    cells: dict[str, str]
    model: dict[str, Any]  # its entry of the catalogue, with the variant's networks
    data: dict[str, Any]  # the data set's entry
    networks: dict[str, Network]
    recipe: Recipe
    overridden: dict[str, Any]

    @property
    def kind(self) -> Kind:
        """The model's kind of learning."""
        return KINDS[self.model["task"]]


def check_row(row: Row) -> None:
    """Raise ConfigError for the first combination in a row that cannot work."""
    check_size(row)
    check_needs(row)
    check_augmentation(row)
    check_networks(row)
    check_schedule(row)
    check_optimizers(row)
    check_validation(row)
    check_studies(row)
    own = {"reconstruction": check_autoencoder, "adversarial": check_critic, "diffusion": check_sampler}
    if row.model["task"] in own:
        own[row.model["task"]](row)


def check_size(row: Row) -> None:
    """Refuse images that the model does not take."""
    where, model, dataset = row.where, row.cells["model"], row.cells["dataset"]
    (channels, height, width), sizes = row.data["shape"], row.model.get("sizes", {})
    wanted = channels if row.recipe.options.get("pretrained") else row.model.get("channels", channels)
    if channels != wanted:  # a start from other weights repeats grey images
        raise ConfigError(
            f"{where}: {model} takes images with {wanted} channels, {dataset} has {channels}; choose another model or "
            "data set."
        )
    if width not in sizes.get("only", [width]) or not sizes.get("minimum", 1) <= width <= sizes.get("maximum", width):
        only = ", ".join(map(str, sizes.get("only", ())))
        takes = f"only {only}" if only else f"{sizes.get('minimum', 1)} to {sizes.get('maximum', 'any number of')}"
        raise ConfigError(
            f"{where}: {model} takes images of {takes} pixels, {dataset} has {width}; choose another model or data set."
        )
    if height != width and "square" in row.kind.needs:
        raise ConfigError(f"{where}: {model} takes square images, {dataset} has {width}x{height} pixels.")


def check_needs(row: Row) -> None:
    """Refuse a data set that lacks the masks or labels that the task needs."""
    dataset, task = row.cells["dataset"], row.model["task"]
    extras = {role: needs for role, needs in row.kind.extras.items() if role in row.networks}
    for name, needs in ({task: row.kind.needs} | extras).items():
        if "masks" in needs and "masks" not in row.data:
            raise ConfigError(
                f"{row.where}: {dataset} has no masks, which {name} needs; choose one with masks, such as digit_scenes."
            )
        if "labels" in needs and (not row.data["classes"] or "masks" in row.data):
            raise ConfigError(f"{row.where}: {dataset} has no labels, which {name} needs; choose another data set.")


def check_augmentation(row: Row) -> None:
    """Refuse augmentation that changes an image's class, or moves the image out of view."""
    augment, smallest = row.recipe.augment, min(row.data["shape"][1:])
    if augment["flip"] and not row.data.get("flip", True):
        raise ConfigError(
            f"{row.where}: recipe {row.cells['recipe']!r} mirrors images, and a mirrored image of "
            f"{row.cells['dataset']} no longer belongs to its class; add the override augment.flip=false."
        )
    if augment["crop_padding"] >= smallest:
        raise ConfigError(
            f"{row.where}: augment.crop_padding={augment['crop_padding']} can move an image of {smallest} pixels out "
            "of view; lower it."
        )
    if augment.get("shift", 0) >= smallest:
        raise ConfigError(
            f"{row.where}: augment.shift={augment['shift']} can move an image of {smallest} pixels out of view; "
            "lower it."
        )
    distorting = [key for key in DISTORTIONS if augment.get(key)]
    if distorting and "masks" in row.kind.needs:
        raise ConfigError(
            f"{row.where}: augment.{distorting[0]} interpolates between pixels, which the classes of masks do not "
            "allow; remove it."
        )


def check_networks(row: Row) -> None:
    """Refuse missing networks, networks that only the recipe names, and samples from a task that draws none."""
    where, model, networks = row.where, row.cells["model"], row.networks
    missing = [role for role in row.kind.roles if role not in networks]
    if missing:
        has = ", ".join(networks)
        raise ConfigError(f"{where}: {model} needs a network {missing[0]!r} in models.yaml; it has {has}.")
    unknown = [role for role in row.recipe.optimizers if role not in networks]
    if unknown:
        hint = suggest(unknown[0], networks)
        raise ConfigError(f"{where}: optimizers names {unknown[0]!r}, which {model} lacks; {hint}")
    if row.model.get("generates") and not row.kind.generator:
        raise ConfigError(f"{where}: {model} sets generates in models.yaml, but {row.model['task']} draws no samples.")


def check_schedule(row: Row) -> None:
    """Refuse milestones that are never reached, and warm-ups that never end."""
    where, schedule, epochs = row.where, row.recipe.schedule, row.recipe.epochs
    late = [epoch for epoch in schedule["milestones"] if epoch >= epochs]
    if late:
        raise ConfigError(
            f"{where}: milestone {late[0]} is never reached in {epochs} epochs; lower schedule.milestones "
            "or raise epochs."
        )
    if (schedule["name"] == "step") != bool(schedule["milestones"]):
        raise ConfigError(f"{where}: schedule.milestones and schedule.name=step need each other.")
    if epochs and schedule["warmup_epochs"] >= epochs:
        raise ConfigError(f"{where}: the warm-up of {schedule['warmup_epochs']} epochs outlasts the {epochs} epochs.")


def check_optimizers(row: Row) -> None:
    """Refuse settings that an optimizer does not have: the recipe's, or a network's own."""
    for role in ("", *row.recipe.optimizers):
        settings = row.recipe.optimizer_of(role)
        key = f"optimizers.{role}" if role else "optimizer"
        name = settings["name"]
        for other in settings.keys() - {"name"} - OPTIMIZERS[name].keys:
            raise ConfigError(
                f"{row.where}: {key}.{other}, set by recipe {row.recipe.name!r} or by the row, is not a setting of "
                f"{name}; it has {', '.join(sorted(OPTIMIZERS[name].keys))}."
            )
        if settings.get("nesterov") and not settings.get("momentum"):
            raise ConfigError(f"{row.where}: {key}.nesterov needs {key}.momentum above 0.")


def check_validation(row: Row) -> None:
    """Refuse FID during training without validation images, which samples are compared with."""
    if row.data["splits"].get("validation") == 0 and generates(row.model) and row.recipe.options["fid_samples"]:
        raise ConfigError(
            f"{row.where}: {row.cells['dataset']} has no validation images for FID during training; "
            "set options.fid_samples=0."
        )


def check_studies(row: Row) -> None:
    """Refuse what `options.measure` can't measure of a network."""
    options, arguments = row.recipe.options, [network.args for network in row.networks.values()]
    can = {
        "gradients": (options.get("pretrained") is None, "networks that start from random weights"),
        "subspace": (any(each.get("linear") for each in arguments), "linear autoencoders (model.linear=true)"),
        "bottleneck": (row.cells["model"] == "unet_autoencoder", "unet_autoencoder"),
        "gradient_variance": (generates(row.model) and "beta" in options, "VAEs"),
        "discriminator_steps": (options.get("loss") != "wasserstein", "GANs, not for critics"),
    }
    for study in options.get("measure", ()):
        possible, those = can.get(study, (True, ""))
        if not possible:
            raise ConfigError(f"{row.where}: options.measure={study} is for {those}; leave it out of this row.")


def check_autoencoder(row: Row) -> None:
    """Refuse a trained PCA, a network that is fitted like one, and options without effect."""
    where, model, options, fitted = row.where, row.cells["model"], row.recipe.options, row.model.get("fitted", False)
    if fitted and not options["fitted"]:
        raise ConfigError(f"{where}: {model} is fitted to all images at once, not trained; choose recipe 'pca'.")
    if options["fitted"] and not fitted:
        raise ConfigError(
            f"{where}: recipe {row.cells['recipe']!r} fits to all images at once, but {model} has to be trained; "
            "choose another recipe."
        )
    if fitted and (row.recipe.epochs != 1 or row.recipe.batch_size < row.data["splits"].get("train", 0)):
        raise ConfigError(f"{where}: {model} is fitted in one step; leave out epochs and batch_size.")
    arguments, pixels = row.networks["autoencoder"].args, math.prod(row.data["shape"])
    if arguments.get("linear", fitted) and options["loss"] == "bce":
        raise ConfigError(f"{where}: options.loss=bce needs pixels in 0..1, which a linear network leaves; use mse.")
    if fitted and arguments["latent_dim"] > pixels:
        raise ConfigError(f"{where}: model.latent_dim exceeds the {pixels} numbers of an image; PCA has no more axes.")
    if options["noise"] and (fitted or (options["noise_kind"] == "masking" and options["noise"] >= 1)):
        why = f"{model} is fitted, not trained; leave it out" if fitted else "masking leaves nothing at 1; lower it"
        raise ConfigError(f"{where}: options.noise={options['noise']}: {why}.")
    if "options.noise_kind" in row.overridden and not options["noise"]:
        raise ConfigError(f"{where}: options.noise_kind has no effect without options.noise; set both.")
    for key in ("options.beta", "options.samples", "options.fid_samples"):
        if key in row.overridden and not row.model.get("generates"):
            raise ConfigError(f"{where}: {key} is for VAEs, and {model} is not one; leave it out.")


def check_critic(row: Row) -> None:
    """Refuse a critic without a constraint, or with two."""
    options = row.recipe.options
    if options["clip"] is not None and options["gradient_penalty"]:
        raise ConfigError(
            f"{row.where}: options.clip and options.gradient_penalty both constrain the critic, and no paper has both; "
            "set one to null or 0."
        )
    if options["loss"] == "wasserstein" and options["clip"] is None and not options["gradient_penalty"]:
        raise ConfigError(
            f"{row.where}: options.loss=wasserstein needs a constraint on the critic; "
            "set options.clip or options.gradient_penalty."
        )


def check_sampler(row: Row) -> None:
    """Refuse more sampling steps than timesteps, and options of another sampler."""
    options = row.recipe.options
    steps, timesteps = options["sampling_steps"], options["timesteps"]
    if steps is not None and steps > timesteps:
        raise ConfigError(
            f"{row.where}: options.sampling_steps={steps} exceeds options.timesteps={timesteps}; lower it."
        )
    if options["eta"] and options["sampler"] == "ancestral":
        raise ConfigError(f"{row.where}: options.eta belongs to options.sampler=ddim; ancestral sampling has no eta.")
