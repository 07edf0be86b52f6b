"""The kinds of learning, one file each."""

import importlib

CLASSES = {
    "classification": "Classification",
    "reconstruction": "Reconstruction",
    "adversarial": "Adversarial",
    "segmentation": "Segmentation",
    "diffusion": "Diffusion",
}


def task_class(name: str):
    """The class of a task by its name in the catalogue; imports that one task alone."""
    return getattr(importlib.import_module(f"nets.tasks.{name}"), CLASSES[name])
