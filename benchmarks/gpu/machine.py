"""The device as a place: random numbers, checkpoints, time, memory, jobs that share it or are killed, too many data."""

import dataclasses
import json
import math
import time
from unittest import mock

import torch
from torch import Tensor

from benchmarks.gpu.bench import CPU, Bench, Facts, Wrong, build, differing, finish, left, must, start, wait
from benchmarks.gpu.runs import BY_NAME, trained
from nets.data import batches
from nets.errors import is_out_of_memory
from nets.fidelity import measure as fidelity
from nets.machine.provenance import peak_memory_mb
from nets.tasks.precision import forked
from nets.training import loop, session
from nets.training.numerics import choose_precision


def check_generators(place: Bench) -> Facts:
    """Checkpoints keep the random generators of the CPU and of the run's device, whatever other devices there are."""
    device = place.device
    torch.manual_seed(4)
    state = loop.random_state(device)
    must(set(state) == {"cpu", device.type}, f"A checkpoint holds the generators of {', '.join(state)}.")

    def draw() -> list[Tensor]:
        return [torch.rand(4), torch.rand(4, device=device).cpu()]

    drawn = draw()
    with forked(device):
        torch.manual_seed(9)
        torch.rand(3, device=device)
        draw()
    draw()
    loop.set_random_state({name: value.clone() for name, value in state.items()}, device)
    must(all(torch.equal(*pair) for pair in zip(drawn, draw(), strict=True)), "Restored generators draw other numbers.")
    loop.set_random_state(state, device)
    with forked(device):
        torch.manual_seed(9)
        draw()
    must(all(torch.equal(*pair) for pair in zip(drawn, draw(), strict=True)), "Numbers drawn aside disturb others.")
    return {"devices": torch.cuda.device_count() if device.type == "cuda" else 0}


def check_judge(place: Bench) -> Facts:
    """FID during training changes no weight."""
    run = BY_NAME["dcgan"]
    with_judge, without = trained(place, run), place.train(run, "alone")
    weights = [left(folder)["weights"] for folder in (with_judge, without)]
    must(weights[0] == weights[1], "Weights differ with and without FID during training.")
    return {}


def check_kinds_of_device(place: Bench) -> Facts:
    """A checkpoint is not continued on another kind of device, nor in another number type."""
    run = BY_NAME["lenet5"]
    opened = session.Session(run, place.place(run, "kinds"), place.data(run.dataset), place.device)
    kind = opened.checkpoints.kind
    number_type = choose_precision("auto", place.device).name(place.device)
    must(kind == f"{place.device.type}-{number_type}", f"Checkpoints are called {kind}.")
    opened.checkpoints.save(1, {"step": torch.zeros(1)})
    other = session.Session(run, opened.folder, opened.data_dir, torch.device("meta"))
    must(other.checkpoints.load(CPU) is None, "A checkpoint would be continued on another kind of device.")
    must(other.checkpoints.other_kinds() == [kind], "It is not noticed that there is a checkpoint of another kind.")
    return {"kind": kind}


def check_timing(place: Bench) -> Facts:
    """The time of a sample waits for the device."""
    task, _ = build(place, BY_NAME["ddpm"], place.device)
    times = []
    for _ in range(2):
        measured = fidelity.time_a_sample(task)["seconds_per_sample"]
        wait(place.device)
        start = time.perf_counter()
        task.sample(fidelity.TIMED, seed=0)
        wait(place.device)
        times.append((measured, (time.perf_counter() - start) / fidelity.TIMED))
    must(any(0.5 < a / b < 2 for a, b in times), f"A sample takes {times[-1][0]:.2g} s; waiting, {times[-1][1]:.2g} s.")
    return {"seconds_per_sample": times[-1][0]}


def check_peak_memory(place: Bench) -> Facts:
    """Peak memory is that of this process and counts what it has used, also if another process shares the device."""
    large = torch.ones(64 * 2**20, device=place.device)  # 256 MiB
    wait(place.device)
    peak = peak_memory_mb(place.device)
    del large
    must(peak >= 256, f"256 MiB were used, and the peak is {peak} MiB.")
    return {"peak_memory_mb": peak}


def check_out_of_memory(place: Bench) -> Facts:
    """A device that is too small for a tensor is recognised as such, and works afterwards."""
    try:
        torch.empty(2**50, dtype=torch.uint8, device=place.device)
        raise Wrong("A pebibyte was allocated.")
    except (RuntimeError, MemoryError) as error:
        must(is_out_of_memory(error), f"It is not recognised that memory ran out: {error}")
    must(torch.ones(4, device=place.device).sum().item() == 4, "The device does not work after running out of memory.")
    return {}


def check_slots(place: Bench) -> Facts:
    """Two jobs share a device through slots; both give the bits of a run that was alone."""
    run = BY_NAME["lenet5"]
    alone = trained(place, run)
    folders = [place.place(run, f"shared-{number}") for number in range(2)]
    for process in [start(place, folder, NETS_SLOTS_PER_GPU="2") for folder in folders]:
        finish(process)
    for folder in folders:
        must(not differing(alone, folder), f"On a shared device, it differs in {differing(alone, folder)}.")
    manifests = [json.loads((folder / "manifest.json").read_text()) for folder in folders]
    return {"visible_devices": [m["visible_devices"] for m in manifests], "started": [m["started"] for m in manifests]}


def check_killed(place: Bench) -> Facts:
    """A job that is killed and started again ends with the bits of one that was not."""
    short = BY_NAME["lenet5"]
    run = dataclasses.replace(short, recipe=dataclasses.replace(short.recipe, epochs=6, batch_size=4))
    whole, folder = place.train(run, "not-killed"), place.place(run, "killed")
    process = start(place, folder)
    while process.poll() is None and not list(folder.glob("checkpoints/*.pt")):
        time.sleep(0.01)
    process.kill()
    process.communicate()
    must(not (folder / "manifest.json").exists(), "The job ended before it could be killed.")
    finish(start(place, folder))
    resumed = json.loads((folder / "manifest.json").read_text())["resumed"]
    must(resumed == 1, "It did not continue from a checkpoint.")
    must(not differing(whole, folder), f"After a kill, it differs in {differing(whole, folder)}.")
    return {}


def check_data_that_do_not_fit(place: Bench) -> Facts:
    """Images that stay in their file give the bits of images on the device, with masks and augmentation too."""
    facts: Facts = {}
    for name in ("resnet20", "unet"):
        folders = []
        for label, room in (("resident", math.inf), ("mapped", 0)):
            with mock.patch.object(batches, "room", lambda device, jobs, room=room: room):
                data = build(place, BY_NAME[name], place.device)[1]
                must((data.rows is None) == (room == 0), f"Images are not {label}.")
                must(room == 0 or data.images.device.type == place.device.type, "Images are not on the device.")
                started = time.perf_counter()
                folders.append(place.train(BY_NAME[name], label))
                facts[f"{name} {label}"] = round(time.perf_counter() - started, 2)
        must(not differing(*folders), f"{name}: data in their file differ in {differing(*folders)}.")
    return facts
