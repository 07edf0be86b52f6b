"""Measure one trained run on test data: the only job, with `reference`, that reads them.

python -m nets.jobs.evaluate --run-dir results/quick/runs/lenet5-mnist5k-s0 --data-dir results/data/mnist5k
"""

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file

from nets.data.batches import Batches
from nets.data.prepared import open_split
from nets.errors import UserError
from nets.fidelity import measure as fidelity
from nets.files import atomic, sha256, write_json
from nets.jobs.common import run_job
from nets.machine.crowding import Crowded, again_alone, out_of_memory
from nets.machine.devices import choose_device
from nets.machine.memory import Watch
from nets.machine.slots import lease
from nets.metrics.entry import entry
from nets.run import Run
from nets.suite.keys import record, run_source
from nets.tasks import task_class
from nets.tasks.contract import Task
from nets.training.precision import choose_precision


def main(argv: list[str] | None = None) -> int:
    """Parse the command line and evaluate."""
    parser = argparse.ArgumentParser(prog="python -m nets.jobs.evaluate", description=__doc__.splitlines()[0])
    parser.add_argument("--run-dir", type=Path, required=True, help="folder of the trained run; results go there")
    parser.add_argument("--data-dir", type=Path, required=True, help="folder of the prepared data set")
    parser.add_argument("--references", type=Path, nargs="*", default=[], help="reference.json files of reference")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads (default: %(default)s)")
    parser.add_argument(
        "--retry",
        default=os.environ.get("NETS_RETRY", ""),
        help="command that tries the run again, noted where it fails",
    )
    parser.add_argument("--alone", action="store_true", help="take all slots of a device")
    args = parser.parse_args(argv)
    try:
        return run_job(lambda: evaluate_on_device(args))
    except Crowded:
        again_alone("nets.jobs.evaluate", argv)


def evaluate_on_device(args: argparse.Namespace) -> None:
    """Evaluate on a device that is leased for it."""
    with lease(alone=args.alone):
        evaluate(args)


def evaluate(args: argparse.Namespace) -> None:
    """Write `metrics.json` and `arrays.npz`; a run that is a hole stays one."""
    run, manifest = Run.load(args.run_dir), json.loads((args.run_dir / "manifest.json").read_text())
    metrics: list[dict[str, Any]] = []
    arrays: dict[str, np.ndarray] = {}
    record(args.run_dir, "evaluate", {"source": run_source("evaluate", run).files})
    watch = Watch(args.run_dir / ".evaluating.json", run.digest)
    try:
        if watch.killed > 1:
            raise MemoryError("the system ended its evaluation twice")
        watch.begin()
        if manifest["status"] == "ok":
            metrics, arrays = measure(run, args, manifest["weights"], choose_device(args.threads))
    except Exception as error:
        failure = out_of_memory(error, args.alone)
        if failure is None:
            raise
        manifest |= {"status": failure[0], "reason": failure[1], "retry": args.retry or None}
    finally:
        watch.end()
    headline = {"metric": headline_of(run), "split": "test"}
    kept = {key: manifest[key] for key in ("run", "status", "reason", "retry")}
    with atomic(args.run_dir / "arrays.npz") as temporary, open(temporary, "wb") as file:
        np.savez_compressed(file, **arrays)
    write_json(args.run_dir / "metrics.json", kept | {"headline": headline, "metrics": metrics})
    print(f"{run.name}  {summary(manifest, headline['metric'], metrics)}", flush=True)


def summary(manifest: dict[str, Any], headline: str, metrics: list[dict[str, Any]]) -> str:
    """What a person on the terminal wants to know of the run."""
    if manifest["status"] != "ok":
        return f"{manifest['status']}: {manifest['reason']}"
    value = next((metric["value"] for metric in metrics if metric["metric"] == headline), None)
    return f"test {headline} " + ("not measured" if value is None else f"{value:.4g}")


def headline_of(run: Run) -> str:
    """The metric by which a run is compared first: the task's, or FID by Inception where no classifier measures."""
    named = task_class(run.task).headline
    return "fid_inception" if named == "fid_indomain" and not run.fidelity["indomain"] else named


def measure(run: Run, args: argparse.Namespace, weights: dict[str, Any], device: torch.device) -> tuple[list, dict]:
    """The metrics of the weights that the task names, and the pictures of the last of them."""
    kind, split = task_class(run.task), open_split(args.data_dir, "test")
    pixels = kind.pixel_range(split.info)
    task = kind(run, pixels, device, choose_precision(run.recipe.precision, device))
    data = Batches(split, pixels, device)
    metrics: list[dict[str, Any]] = []
    arrays: dict[str, np.ndarray] = {}
    for label in kind.measured:
        if label not in weights:  # a run without epochs has nothing to choose from
            continue
        load_weights(task, args.run_dir, weights[label])
        found = task.evaluate(data)
        suffix = "_best" if label != kind.measured[-1] else ""
        entries = [entry(name + suffix, *value) for name, value in found.metrics.items()]
        metrics, arrays = entries + metrics, found.arrays
    if kind.probed:
        train = Batches(open_split(args.data_dir, "train"), pixels, device)
        probes = task.probe(train, data).items()
        metrics += [entry(name, *value, split=split) for split, found in probes for name, value in found.items()]
    if run.fidelity:
        write_json(args.run_dir / "timing.json", fidelity.time_a_sample(task))
        found, pictures = fidelity.measure(task, args.references, args.data_dir, device)
        metrics, arrays = metrics + found, arrays | pictures
    return metrics, arrays


def load_weights(task: Task, run_dir: Path, weights: dict[str, Any]) -> None:
    """Put verified weights into the task's networks."""
    path = run_dir / weights["file"]
    if not path.exists():
        raise UserError(f"{path} is lost; delete {run_dir / 'manifest.json'} and start again, which puts both back.")
    if sha256(path) != weights["sha256"]:
        raise UserError(f"{path} is not what training wrote (its SHA-256 differs); delete it and train again.")
    task.networks.load_state_dict(load_file(path))


if __name__ == "__main__":
    sys.exit(main())
