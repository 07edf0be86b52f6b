"""Train one run: from its description and prepared data to weights, history and manifest.

python -m nets.jobs.train --run-dir results/quick/runs/lenet5-mnist5k-s0 --data-dir results/data/mnist5k
"""

import argparse
import csv
import datetime
import hashlib
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save

from nets.data.batches import Batches
from nets.data.prepared import open_split, read_info
from nets.errors import UserError
from nets.files import atomic, sha256, write_json
from nets.jobs.common import run_job, tell
from nets.jobs.crowding import Crowded, again_alone, out_of_memory
from nets.jobs.pretrained import Start, find_start
from nets.run import Run
from nets.sources import fingerprint
from nets.tasks import task_class
from nets.tasks.contract import Task
from nets.tasks.extractors import load_extractor
from nets.tasks.watching import Judge
from nets.training.checkpoints import Checkpoints
from nets.training.devices import choose_device, choose_precision
from nets.training.locks import locked
from nets.training.loop import Diverged, State, TimedOut, Training
from nets.training.manifest import describe_machine, peak_memory_mb
from nets.training.memory import Watch
from nets.training.progress import Progress
from nets.training.slots import lease
from nets.training.stop import Stopped, StopRequest

TRY_AGAIN = 75  # the exit status that sysexits.h calls a temporary failure


def main(argv: list[str] | None = None) -> int:
    """Parse the command line and train."""
    parser = argparse.ArgumentParser(prog="python -m nets.jobs.train", description=__doc__.splitlines()[0])
    parser.add_argument("--run-dir", type=Path, required=True, help="folder of the run; results go there")
    parser.add_argument(
        "--runs-from",
        type=Path,
        metavar="FILE",
        help="runs.jsonl: write config.json from it (default: config.json is there)",
    )
    parser.add_argument("--data-dir", type=Path, required=True, help="folder of the prepared data set")
    parser.add_argument(
        "--pretrained",
        type=Path,
        nargs="*",
        default=[],
        help="manifest.json, or fetched note, of what it starts from",
    )
    parser.add_argument(
        "--extractor",
        type=Path,
        nargs="?",
        help="manifest.json of the classifier that measures samples while they are learned",
    )
    parser.add_argument("--threads", type=int, default=1, help="CPU threads (default: %(default)s)")
    parser.add_argument("--checkpoint-seconds", type=float, default=60, help="work that a kill may cost (default: 60)")
    parser.add_argument("--log", type=Path, help="file for a line an epoch")
    parser.add_argument(
        "--retry",
        default=os.environ.get("NETS_RETRY", ""),
        help="command that tries the run again, noted where it fails",
    )
    parser.add_argument("--alone", action="store_true", help="take all slots of a device")
    args = parser.parse_args(argv)
    stop = StopRequest()
    try:
        return run_job(lambda: take_turn(args, stop), args.log, (Stopped, Crowded))
    except Stopped as message:
        tell(f"{args.run_dir.name}: {message}", args.log)
        return TRY_AGAIN
    except Crowded:
        again_alone("nets.jobs.train", argv)


def take_turn(args: argparse.Namespace, stop: StopRequest) -> None:
    """Train as the only process in the run's folder, on a device that is leased for it."""
    news = f"{args.run_dir.name}: another process trains it; waiting for its end."
    with locked(args.run_dir / ".lock", news, stop), lease(stop, args.alone):
        if args.runs_from:
            with atomic(args.run_dir / "config.json") as temporary:
                temporary.write_text(Run.find(args.runs_from, args.run_dir.name).to_json())
        train(args, stop)


def train(args: argparse.Namespace, stop: StopRequest) -> None:
    """Train and write every output of the rule; a failed run leaves a hole with its reason."""
    run, folder = Run.load(args.run_dir), args.run_dir
    info = json.loads((args.data_dir / "dataset.json").read_text())
    start = find_start(run, args.pretrained)
    extractor = find_extractor(args.extractor)
    checkpoints = Checkpoints(folder / "checkpoints", key(run, start, info, extractor))
    if checkpoints.put_back(folder):
        print(f"{run.name}: it had ended with this description and source; its results are put back.", flush=True)
        return
    device = choose_device(args.threads)
    manifest = {
        "run": run.name,
        "status": "ok",
        "reason": None,
        "retry": None,
        **describe_machine(device),
        "seed": run.seed,
        "started": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }
    state, failure = State(), None
    if info["status"] != "ok":
        failure = info["status"], info["reason"]
    elif start and start.status != "ok":
        failure = start.status, start.reason
    else:
        watch = Watch(checkpoints.folder / "alive.json", checkpoints.key)
        try:
            if watch.killed > 1:
                raise MemoryError("the system ended it twice")
            watch.begin()
            state = learn(run, args, device, start, checkpoints, manifest, stop, extractor)
        except Exception as error:
            failure = outcome(error, args.alone)
            if failure is None:
                raise
        finally:
            watch.end()
    if failure is None and (reason := manifest.pop("failure", None)):
        failure = "diverged", reason
    write_history(folder / "history.csv", state.history)
    write_snapshots(folder / "snapshots.npz", state.snapshots)
    if failure:
        manifest |= {"status": failure[0], "reason": failure[1], "retry": args.retry or None, "weights": {}}
        write_weights(folder / "model.safetensors", {})
    write_json(folder / "manifest.json", manifest)
    if failure is None:
        files = {weights["file"] for weights in manifest["weights"].values()} | {"history.csv", "snapshots.npz"}
        checkpoints.finish([folder / name for name in sorted(files | {"manifest.json"})])
    elif failure[0] != "timed_out":  # which continues with more time
        checkpoints.clear()


def outcome(error: Exception, alone: bool) -> tuple[str, str] | None:
    """The status of a run that ended in an error, with its reason; None for errors that are no outcome."""
    if isinstance(error, Diverged):
        return "diverged", str(error)
    if isinstance(error, TimedOut):
        return "timed_out", str(error)
    return out_of_memory(error, alone)


def find_extractor(source: Path | None) -> str | None:
    """The SHA-256 of the weights by which samples are measured; None without an extractor, or where it is a hole."""
    manifest = json.loads(source.read_text()) if source else {"status": "no_data"}
    return manifest["weights"]["best"]["sha256"] if manifest["status"] == "ok" else None


def key(run: Run, start: Start | None, info: dict[str, Any], extractor: str | None = None) -> str:
    """What names the checkpoints: all that decides what a run becomes, so that nothing is continued as another.

    The run's description, the source of its training, the data, the weights that it starts from, and those by which
    its history is measured.
    """
    modules = ["nets.jobs.train", f"nets.tasks.{run.task}", *(network.module for network in run.networks.values())]
    source = fingerprint(tuple(modules))
    parts = [run.digest, source, info.get("hashes"), start and start.sha256, extractor, torch.__version__]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def learn(
    run: Run,
    args: argparse.Namespace,
    device: torch.device,
    start: Start | None,
    checkpoints: Checkpoints,
    manifest: dict[str, Any],
    stop: StopRequest,
    extractor: str | None,
) -> State:
    """Train the run, write its weights, and complete its manifest."""
    torch.manual_seed(run.seed)
    kind = task_class(run.task)
    precision = choose_precision(run.recipe.precision, device)
    info = read_info(args.data_dir)
    task: Task = kind(run, kind.pixel_range(info), device, precision)
    for warning in task.check():
        tell(f"{run.name}: {warning}", args.log)
    if start:
        task.start_from(start.load())
        manifest["pretrained"] = {"name": run.pretrained["name"], "sha256": start.sha256}
    if extractor and run.fidelity and run.recipe.options["fid_samples"]:
        watched = open_split(args.data_dir, "validation")
        images = torch.from_numpy(watched.images[watched.indices])
        task.judge = Judge(load_extractor(args.extractor, args.data_dir, device), images)
        manifest["watched_by"] = {"name": run.fidelity["indomain"], "sha256": extractor}
    manifest["precision"] = str(precision.dtype).removeprefix("torch.")
    manifest["parameters"] = {r: sum(p.numel() for p in n.parameters()) for r, n in task.networks.items()}
    manifest["macs"] = task.macs()
    state = fit(task, args, checkpoints, stop) if run.recipe.epochs else State()
    images = state.step * min(task.batch_size, info["counts"]["train"])
    manifest |= {
        "seconds": round(state.seconds, 2),
        "images_per_second": round(images / state.seconds, 1) if images else None,
        "peak_memory_mb": peak_memory_mb(device),
        "epochs": state.epoch,
        "steps": state.step,
        "resumed": state.resumed,
        "weights": {"last": write_weights(args.run_dir / "model.safetensors", task.networks.state_dict(), state.epoch)},
    }
    if state.best:
        best = write_weights(args.run_dir / "best.safetensors", state.best["weights"], state.best["epoch"])
        manifest["weights"]["best"] = best
    manifest["failure"] = task.failure(state.history) if state.history else None
    return state


def fit(task: Task, args: argparse.Namespace, checkpoints: Checkpoints, stop: StopRequest) -> State:
    """All epochs of the run, from its newest checkpoint if there is one."""
    splits = {name: open_split(args.data_dir, name) for name in ("train", "validation")}
    data = {
        "train": Batches(splits["train"], task.pixels, task.device, task.run.recipe.augment),
        "validation": Batches(splits["validation"], task.pixels, task.device),
    }
    began = time.monotonic()
    data = {name: task.view(batches) for name, batches in data.items()}
    viewed = time.monotonic() - began  # part of the cost: of frozen networks the features are computed here
    log = None
    if args.log:
        args.log.parent.mkdir(parents=True, exist_ok=True)
        log = open(args.log, "a")  # noqa: SIM115 - open for the whole job
    progress = Progress(task.run.name, log)
    training = Training(task, data, checkpoints, progress, args.checkpoint_seconds, stop, time_limit())
    if not training.state.resumed:
        training.state.seconds = viewed
    return training.run()


def time_limit() -> float:
    """The seconds that a run may train: NETS_TIME_LIMIT, in minutes; by default no end of them. Raises UserError."""
    text = os.environ.get("NETS_TIME_LIMIT") or "inf"
    try:
        limit = 60 * float(text)
    except ValueError:
        limit = -1.0
    if not limit > 0:
        raise UserError(f"NETS_TIME_LIMIT is {text!r}; set it to minutes, more than 0, or unset it.")
    return limit


def write_weights(path: Path, weights: dict[str, torch.Tensor], epoch: int = 0) -> dict[str, Any]:
    """Write weights as safetensors; returns their entry of the manifest."""
    with atomic(path) as temporary:
        temporary.write_bytes(save({name: value.detach().cpu().contiguous() for name, value in weights.items()}))
    return {"file": path.name, "sha256": sha256(path), "epoch": epoch}


def write_history(path: Path, history: list[dict[str, float]]) -> None:
    """Write a row an epoch; a run without one has the first columns alone. What an epoch has not is left empty."""
    columns = list(dict.fromkeys(["epoch", "step", "seconds", *(name for row in history for name in row)]))
    with atomic(path) as temporary, open(temporary, "w", newline="") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(history)


def write_snapshots(path: Path, snapshots: dict[int, torch.Tensor]) -> None:
    """Write `epochs` (F,) and `images` (F, n, C, H, W) uint8."""
    images = torch.stack(list(snapshots.values())) if snapshots else torch.zeros(0, 0, 1, 1, 1, dtype=torch.uint8)
    with atomic(path) as temporary, open(temporary, "wb") as file:
        np.savez_compressed(file, epochs=np.array(list(snapshots), dtype=np.int64), images=images.numpy())


if __name__ == "__main__":
    sys.exit(main())
