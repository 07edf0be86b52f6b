"""Pairs of model, data set and recipe that cannot work, said before anything runs."""

import math

from nets.errors import ConfigError, suggest
from nets.run import OPTIMIZER_KEYS, Network, Recipe

NEEDS_LABELS = ("classification", "latent_classifier")
NEEDS_MASKS = ("segmentation",)
ROLES = {  # the networks that a task trains
    "classification": ("classifier",),
    "reconstruction": ("autoencoder",),
    "segmentation": ("segmenter",),
    "adversarial": ("generator", "discriminator"),
    "diffusion": ("denoiser",),
}


def check_fit(cells: dict[str, str], where: str, model: dict, data: dict, recipe: Recipe) -> None:
    """Pairs and schedules that cannot work."""
    (height, size), sizes = data["shape"][1:], model.get("sizes", {})
    allowed = sizes.get("only", [size])
    if size not in allowed or not sizes.get("minimum", 1) <= size <= sizes.get("maximum", size):
        takes = (
            "only " + ", ".join(map(str, sizes["only"]))
            if "only" in sizes
            else (f"{sizes.get('minimum', 1)} to {sizes.get('maximum', 'any number of')}")
        )
        raise ConfigError(
            f"{where}: {cells['model']} takes images of {takes} pixels, {cells['dataset']} has {size}; "
            "choose another model or data set."
        )
    if height != size and model["task"] not in NEEDS_MASKS:
        raise ConfigError(
            f"{where}: {cells['model']} takes square images, {cells['dataset']} has {size}x{height} pixels."
        )
    if model["task"] in NEEDS_MASKS and "masks" not in data:
        raise ConfigError(
            f"{where}: {cells['dataset']} has no masks, which {model['task']} needs; choose digit_scenes, say."
        )
    needs = "latent_classifier" if "latent_classifier" in model["networks"] else model["task"]
    if needs in NEEDS_LABELS and (not data["classes"] or "masks" in data):
        raise ConfigError(f"{where}: {cells['dataset']} has no labels, which {needs} needs.")
    if recipe.augment["flip"] and not data.get("flip", True):
        raise ConfigError(
            f"{where}: recipe {cells['recipe']!r} mirrors images, and a mirrored image of {cells['dataset']} is not "
            "of its class; add the override augment.flip=false."
        )
    if recipe.augment["crop_padding"] >= min(height, size):
        raise ConfigError(
            f"{where}: augment.crop_padding={recipe.augment['crop_padding']} can move an image of {min(height, size)} "
            "pixels out of sight; lower it."
        )
    missing = [role for role in ROLES[model["task"]] if role not in model["networks"]]
    if missing:
        has = ", ".join(model["networks"])
        raise ConfigError(f"{where}: {cells['model']} needs a network {missing[0]!r} in models.yaml; it has {has}.")
    check_schedule(where, recipe)
    check_optimizers(where, recipe)
    if model["task"] == "reconstruction":
        check_fitted(cells, where, model.get("fitted", False), data, recipe)
    check_generator(where, model["task"], recipe.options)
    unknown = [role for role in recipe.optimizers if role not in model["networks"]]
    if unknown:
        hint = suggest(unknown[0], model["networks"])
        raise ConfigError(f"{where}: optimizers names {unknown[0]!r}, which {cells['model']} has not; {hint}")


def check_fitted(cells: dict[str, str], where: str, fitted: bool, data: dict, recipe: Recipe) -> None:
    """PCA in steps, or a network without them."""
    if fitted and not recipe.options["fitted"]:
        raise ConfigError(f"{where}: {cells['model']} is fitted to all images at once, not trained; take recipe 'pca'.")
    if recipe.options["fitted"] and not fitted:
        raise ConfigError(
            f"{where}: recipe {cells['recipe']!r} fits to all images at once, and {cells['model']} has to be trained; "
            "take another recipe."
        )
    if fitted and (recipe.epochs != 1 or recipe.batch_size < data["splits"].get("train", 0)):
        raise ConfigError(f"{where}: {cells['model']} is fitted in one step; leave out epochs and batch_size.")


def check_autoencoder(
    cells: dict[str, str],
    where: str,
    model: dict,
    data: dict,
    networks: dict[str, Network],
    recipe: Recipe,
    overridden: dict,
) -> None:
    """Options that would do nothing."""
    if model["task"] != "reconstruction":
        return
    linear = networks["autoencoder"].args.get("linear", model.get("fitted", False))
    if linear and recipe.options["loss"] == "bce":
        raise ConfigError(f"{where}: options.loss=bce needs pixels in 0..1, which a linear network leaves; take mse.")
    pixels = math.prod(data["shape"])
    if model.get("fitted") and networks["autoencoder"].args["latent_dim"] > pixels:
        raise ConfigError(f"{where}: model.latent_dim is above the {pixels} numbers of an image; PCA has no more axes.")
    for key in ("options.beta", "options.samples", "options.fid_samples"):
        if key in overridden and not model.get("generates"):
            raise ConfigError(f"{where}: {key} is of VAEs, and {cells['model']} is none; leave it out.")


def check_generator(where: str, task: str, options: dict) -> None:
    """Samplers with more steps than there are, or with an option of another; critics that nothing holds."""
    if task == "diffusion":
        steps, timesteps = options["sampling_steps"], options["timesteps"]
        if steps is not None and steps > timesteps:
            raise ConfigError(
                f"{where}: options.sampling_steps={steps} are more than the {timesteps} of options.timesteps."
            )
        if options["eta"] and options["sampler"] == "ancestral":
            raise ConfigError(f"{where}: options.eta is of options.sampler=ddim; ancestral sampling has none.")
    critic = task == "adversarial" and options["loss"] == "wasserstein"
    if critic and options["clip"] is None and not options["gradient_penalty"]:
        raise ConfigError(
            f"{where}: with options.loss=wasserstein nothing holds the critic; "
            "set options.clip or options.gradient_penalty."
        )


def check_schedule(where: str, recipe: Recipe) -> None:
    """Milestones and warm-ups that never come, or never end."""
    schedule = recipe.schedule
    late = [epoch for epoch in schedule["milestones"] if epoch >= recipe.epochs]
    if late:
        raise ConfigError(
            f"{where}: milestone {late[0]} never comes in {recipe.epochs} epochs; "
            "lower schedule.milestones or raise epochs."
        )
    if (schedule["name"] == "step") != bool(schedule["milestones"]):
        raise ConfigError(f"{where}: schedule.milestones and schedule.name=step need each other.")
    if recipe.epochs and schedule["warmup_epochs"] >= recipe.epochs:
        raise ConfigError(
            f"{where}: the warm-up of {schedule['warmup_epochs']} epochs outlasts the {recipe.epochs} epochs."
        )


def check_optimizers(where: str, recipe: Recipe) -> None:
    """Keys that an optimizer has not, of the recipe's or of a network's own."""
    for role in ("", *recipe.optimizers):
        settings = recipe.optimizer_of(role)
        key = f"optimizers.{role}" if role else "optimizer"
        name = settings["name"]
        for other in settings.keys() - {"name"} - OPTIMIZER_KEYS[name]:
            raise ConfigError(
                f"{where}: {key}.{other}, which recipe {recipe.name!r} or the row sets, is nothing that {name} has; "
                f"it has {', '.join(sorted(OPTIMIZER_KEYS[name]))}."
            )
        if settings.get("nesterov") and not settings.get("momentum"):
            raise ConfigError(f"{where}: {key}.nesterov needs {key}.momentum above 0.")
