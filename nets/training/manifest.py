"""The contents of `manifest.json`: where and when a run was trained, with which networks, at what cost."""

import datetime
from typing import Any

import torch

from nets.data.weights import WeightsFile
from nets.fidelity.curve import WatchingExtractor
from nets.machine.provenance import describe_machine, peak_memory_mb
from nets.run import Run
from nets.tasks.contract import Generator, Task
from nets.training.loop import State


def beginning(run: Run, device: torch.device) -> dict[str, Any]:
    """What is known before training."""
    return {
        "run": run.name,
        "status": "ok",
        "reason": None,
        "retry": None,
        **describe_machine(device),
        "seed": run.seed,
        "started": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }


def facts_of(
    task: Task, data: dict[str, Any], start: WeightsFile | None, extractor: WatchingExtractor | None
) -> dict[str, Any]:
    """What is known about a task before its first step; `data` is the `dataset.json` of its data."""
    facts: dict[str, Any] = {"data": {key: data["source"][key] for key in ("kind", "canonical")}}
    facts["data"]["notes"] = data.get("look", {}).get("notes", [])
    if start and task.run.pretrained:
        file = start.file and start.file.name
        facts["pretrained"] = {"name": task.run.pretrained["name"], "file": file, "sha256": start.sha256}
    if isinstance(task, Generator) and task.judge and extractor and task.run.fidelity:
        facts["watched_by"] = {"name": task.run.fidelity["indomain"], "sha256": extractor.weights_sha256}
    facts["precision"] = task.precision.name(task.device)
    facts["parameters"] = {role: sum(p.numel() for p in n.parameters()) for role, n in task.networks.items()}
    return facts | {"macs": task.macs()}


def costs_of(task: Task, state: State, count: int) -> dict[str, Any]:
    """Time, speed, memory and steps of a finished training; `count` is the number of images that it learned from."""
    images = state.step * min(task.batch_size, count)
    return {
        "seconds": round(state.seconds, 2),
        "images_per_second": round(images / state.seconds, 1) if images else None,
        "peak_memory_mb": peak_memory_mb(task.device),
        "epochs": state.epoch,
        "steps": state.step,
        "resumed": state.resumed,
    }
