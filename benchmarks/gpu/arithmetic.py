"""Whether the numbers are right, the same twice, and of the right type."""

import dataclasses
import math
from collections.abc import Callable
from unittest import mock

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks.gpu import missing
from benchmarks.gpu.bench import BFLOAT16, CPU, Bench, Facts, build, differing, learn, must, same, weights_of
from benchmarks.gpu.runs import BY_NAME, CUT
from nets.data import augment
from nets.data.batches import Batches
from nets.data.prepared import open_split
from nets.metrics import distances, neighbours
from nets.metrics import segmentation as masks
from nets.models import fcn, lenet, pooling, zfnet
from nets.tasks.precision import Precision
from nets.tasks.segmentation import cross_entropy
from nets.training import session
from nets.training.numerics import choose_precision

FLOAT16 = Precision(torch.float16)


def check_float32(place: Bench) -> Facts:
    """Products, convolutions and attention in float32 are not rounded to TF32."""
    dice = torch.Generator().manual_seed(0)
    a, b = (torch.randn(512, 512, generator=dice) for _ in range(2))
    images, kernel = torch.randn(8, 64, 24, 24, generator=dice), torch.randn(64, 64, 3, 3, generator=dice)
    rows = torch.randn(4, 1, 256, 64, generator=dice)
    computed: dict[str, tuple[Callable[..., Tensor], tuple[Tensor, ...]]] = {
        "product": (torch.matmul, (a, b)),
        "convolution": (lambda x, w: F.conv2d(x, w, padding=1), (images, kernel)),
        "channels last": (
            lambda x, w: F.conv2d(x.to(memory_format=torch.channels_last), w, padding=1),
            (images, kernel),
        ),
        "transposed": (lambda x, w: F.conv_transpose2d(x, w, stride=2), (images, kernel)),
        "attention": (lambda x: F.scaled_dot_product_attention(x, x, x), (rows,)),
    }

    def error(name: str) -> float:
        function, tensors = computed[name]
        exact = function(*(t.double() for t in tensors))
        found = function(*(t.to(place.device) for t in tensors)).cpu().double()
        return float((found - exact).abs().max() / exact.abs().max())

    errors = {name: error(name) for name in computed}
    bad = [name for name, value in errors.items() if value > 5e-5]
    must(not bad, f"In float32, {', '.join(bad)} are off by {max(errors.values()):.1g} of the largest value.")
    name = Precision().name(place.device)
    must(name == "float32", f"The number type is recorded as {name}.")
    return {name: float(f"{value:.2g}") for name, value in errors.items()}


def check_measured_in_float32(place: Bench) -> Facts:
    """What a task in mixed precision measures and draws are the bits of the same task in float32."""
    for name in ("resnet20", "unet", "vae", "dcgan", "ddpm"):
        run = BY_NAME[name]
        tasks = [build(place, run, place.device, precision) for precision in (Precision(), BFLOAT16)]
        (plain, data), (mixed, _) = tasks
        for task, _ in tasks:
            learn(task, data, 2)
        must(not same(weights_of(plain), weights_of(mixed)), f"{name} does not learn in mixed precision.")
        plain.networks.load_state_dict(mixed.networks.state_dict())
        seen = Batches(open_split(place.data(run.dataset), "validation"), plain.pixels, place.device)
        ours, theirs = (task.evaluate(seen) for task in (plain, mixed))
        must(ours.metrics == theirs.metrics, f"{name} is measured in mixed precision.")
        for array, values in ours.arrays.items():
            must(
                np.array_equal(values, theirs.arrays[array], equal_nan=True), f"{name}: {array} are in mixed precision."
            )
        must(plain.validate(seen) == mixed.validate(seen), f"{name} is validated in mixed precision.")
    return {"auto": choose_precision("auto", place.device).name(place.device)}


def check_training_in_float32(place: Bench) -> Facts:
    """In float32, the first steps have the losses that they have on a CPU."""
    apart = {}
    for name in ("resnet20", "joint", "unet", "lenet5"):
        run, losses = BY_NAME[name], []
        for device in (place.device, CPU):
            task, data = build(place, run, device)
            for module in task.networks.modules():
                if isinstance(module, nn.Dropout | nn.Dropout2d):
                    module.p = 0.0
            losses.append(learn(task, data, 4))
        apart[name] = max(abs(a - b) / abs(b) for a, b in zip(*losses, strict=True))
        must(apart[name] < 2e-3, f"{name}: the losses are {losses[0]} on the device and {losses[1]} on the CPU.")
    return {name: float(f"{value:.2g}") for name, value in apart.items()}


def sparse_convolution() -> nn.Module:
    """LeNet-5's third layer, with weights."""
    layer = lenet.SparseConv2d(6, lenet.C3_TABLE, 5)
    for parameter in layer.parameters():
        nn.init.normal_(parameter)
    return layer


class Layer(nn.Module):
    """A module without weights that calls a function."""

    def __init__(self, function: Callable[[Tensor], Tensor]):
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x)


OPERATIONS: dict[str, tuple[tuple[int, ...], Callable[[], nn.Module]]] = {  # shape of the input, and what is applied
    "max pool, overlapping": ((8, 16, 15, 15), lambda: nn.MaxPool2d(3, 1, 1)),
    "max pool, stride 2, rounded up": ((8, 16, 15, 15), lambda: nn.MaxPool2d(3, 2, ceil_mode=True)),
    "average pool": ((8, 16, 16, 16), lambda: nn.AvgPool2d(2)),
    "AveragePool, growing": ((8, 16, 5, 5), lambda: pooling.AveragePool(7)),
    "AveragePool, overlapping": ((8, 16, 7, 7), lambda: pooling.AveragePool(4)),
    "adaptive average pool to 1": ((8, 16, 7, 7), lambda: nn.AdaptiveAvgPool2d(1)),
    "nearest upsampling": ((8, 16, 7, 7), lambda: nn.Upsample(scale_factor=2)),
    "nearest resize": ((8, 16, 7, 7), lambda: Layer(lambda x: F.interpolate(x, (13, 13)))),
    "bilinear enlargement": ((4, 5, 7, 7), lambda: fcn.Enlarge(5, 8)),
    "learned doubling": ((4, 5, 7, 7), lambda: fcn.Double(5)),
    "transposed convolution": ((8, 16, 7, 7), lambda: nn.ConvTranspose2d(16, 8, 3, 2, 1, 1)),
    "grouped convolution": ((8, 16, 9, 9), lambda: nn.Conv2d(16, 16, 3, padding=1, groups=16)),
    "1x1 convolution, stride 2": ((8, 16, 9, 9), lambda: nn.Conv2d(16, 32, 1, stride=2)),
    "batch norm": ((8, 16, 9, 9), lambda: nn.BatchNorm2d(16)),
    "group norm": ((8, 16, 9, 9), lambda: nn.GroupNorm(4, 16)),
    "contrast norm": ((8, 16, 9, 9), lambda: zfnet.ContrastNorm(5)),
    "padded shortcut": ((8, 16, 8, 8), lambda: Layer(lambda x: F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, 0, 16)))),
    "sparse convolution": ((8, 6, 14, 14), sparse_convolution),
    "attention": ((4, 1, 100, 32), lambda: Layer(lambda x: F.scaled_dot_product_attention(x, x * 0.5, x + 1))),
    "cross-entropy": (
        (32, 10),
        lambda: Layer(
            lambda x: F.cross_entropy(x.float(), torch.arange(32, device=x.device) % 10, label_smoothing=0.1)
        ),
    ),
    "cross-entropy of pixels": (
        (4, 5, 16, 16),
        lambda: Layer(lambda x: cross_entropy(x, torch.arange(1024, device=x.device).view(4, 16, 16) % 6 - 1)),
    ),
    "binary cross-entropy": (
        (8, 1, 16, 16),
        lambda: Layer(lambda x: F.binary_cross_entropy_with_logits(x, torch.full_like(x, 0.3), reduction="none")),
    ),
    "norm of rows": ((8, 3, 9, 9), lambda: Layer(lambda x: x.flatten(1).norm(dim=1))),
}


def backward(name: str, device: torch.device, precision: Precision) -> list[Tensor]:
    """Output and gradients of an operation on seeded numbers, on the CPU."""
    torch.manual_seed(0)
    shape, make = OPERATIONS[name]
    module, x = make(), torch.randn(shape)
    module = module.to(device)
    x = x.to(device)
    x = (x.to(memory_format=torch.channels_last) if x.ndim == 4 else x).requires_grad_()
    with precision.autocast(device):
        y = module(x)
    dice = torch.Generator().manual_seed(1)
    (y.float() * torch.randn(y.shape, generator=dice).to(device)).sum().backward()
    gradients = [x.grad, *(parameter.grad for parameter in module.parameters())]
    return [y.detach().cpu().float(), *(g.cpu().float() for g in gradients if g is not None)]


def check_operations(place: Bench) -> Facts:
    """Each operation of our networks and losses, forward and backward: allowed, the same bits twice, right."""
    wrong = {}
    for name in OPERATIONS:
        for precision in (Precision(), BFLOAT16):
            try:
                first, again = (backward(name, place.device, precision) for _ in range(2))
            except RuntimeError as error:
                wrong[name] = f"raises {str(error).splitlines()[0]}"
                continue
            if not all(torch.equal(*pair) for pair in zip(first, again, strict=True)):
                wrong[name] = f"differs from itself in {precision.name(CPU)}"
            elif precision == Precision():
                expected = backward(name, CPU, precision)
                errors = [float((a - b).abs().max() / b.abs().max()) for a, b in zip(first, expected, strict=True)]
                if not max(errors) < 1e-4:
                    wrong[name] = f"differs from the CPU by {max(errors):.2g}"
    must(not wrong, "; ".join(f"{name} {words}" for name, words in wrong.items()))
    return {"operations": len(OPERATIONS)}


def check_counts(place: Bench) -> Facts:
    """Counts, distances and augmentation: allowed, the same twice, and as on the CPU."""
    dice = torch.Generator().manual_seed(0)
    truth, guess = (torch.randint(-1, 4, (6, 30, 30), generator=dice) for _ in range(2))
    features = torch.randn(500, 48, generator=dice)

    def on(device: torch.device) -> dict[str, Tensor]:
        a, b, x = truth.to(device), guess.clamp(min=0).to(device), features.to(device)
        nearest, index = neighbours.distances(x[:100], x[100:]).min(dim=1)
        found = {
            "confusion": masks.confusion_matrix(b, a, 4),
            "boundaries": masks.boundary_counts(b, a, 4),
            "radii": neighbours.radii(x.double(), 3),
            "nearest": nearest,
            "index": index,
            "one hot": F.one_hot(b, 4),
            "covariance": torch.cov(x.double().T),
        }
        return {name: value.cpu() for name, value in found.items()}

    first, again, expected = on(place.device), on(place.device), on(CPU)
    for name, value in first.items():
        must(torch.equal(value, again[name]), f"{name} differ from themselves.")
        must(torch.allclose(value.double(), expected[name].double(), rtol=1e-4), f"{name} differ from the CPU's.")
    changed = []
    for _ in range(2):
        torch.manual_seed(0)
        images = torch.rand(32, 3, 24, 24, generator=torch.Generator().manual_seed(2)).to(place.device)
        changed.append(augment.augment(images, CUT, (0.5, 0.5, 0.5)).cpu())
    must(torch.equal(*changed), "Augmentation differs from itself.")
    return {}


def check_fidelity(place: Bench) -> Facts:
    """Distances between sets of features are those of the CPU."""
    dice = torch.Generator().manual_seed(0)
    real, generated = torch.randn(600, 64, generator=dice), 1.1 * torch.randn(500, 64, generator=dice) + 0.1
    names = ["fid", *(["kid"] if not missing("torch_fidelity") else [])]
    functions = {name: distances.METRICS[name].function for name in names}
    functions |= {name: metric.function for name, metric in neighbours.METRICS.items()}
    found = {}
    for name, function in functions.items():
        assert function is not None
        found[name], expected = (function(real.to(d), generated.to(d)) for d in (place.device, CPU))
        must(math.isclose(found[name], expected, rel_tol=1e-6, abs_tol=1e-9), f"{name} differs from the CPU's.")
    return found


def check_gradient_penalty(place: Bench) -> Facts:
    """The gradient penalty and its second derivative are float32 in mixed precision, and as on the CPU."""
    values, slopes = [], []
    share = torch.rand(16, 1, 1, 1, generator=torch.Generator().manual_seed(5))
    for device in (place.device, CPU):
        task, data = build(place, BY_NAME["wgan_gp"], device, BFLOAT16)
        task.learning = True
        task.networks.train()
        real = next(data.ordered(16)).images
        with mock.patch.object(torch, "rand", lambda *size, device: share.to(device)):
            penalty = task.slope_penalty(real, -real)
        penalty.backward()
        values.append(penalty.item())
        grads = [p.grad.norm().item() for p in task.networks["discriminator"].parameters() if p.grad is not None]
        slopes.append(grads)
        task.learning = False
    must(math.isclose(*values, rel_tol=1e-3), f"The penalty is {values[0]} on the device and {values[1]} on the CPU.")
    pairs = list(zip(*slopes, strict=True))
    must(all(math.isclose(a, b, rel_tol=1e-2, abs_tol=1e-6) for a, b in pairs), "Its gradients differ from the CPU's.")
    return {"penalty": values[0]}


def check_float16(place: Bench) -> Facts:
    """float16 with scaled gradients: losses stay finite, an overflow skips the step, a checkpoint keeps the scale."""
    facts: Facts = {}
    clipped = dataclasses.replace(
        BY_NAME["lenet5"], recipe=dataclasses.replace(BY_NAME["lenet5"].recipe, clip_norm=1.0)
    )
    for run in (clipped, BY_NAME["dcgan"], BY_NAME["joint"], BY_NAME["wgan_gp"], BY_NAME["vae"]):
        task, data = build(place, run, place.device, FLOAT16)
        before, losses = weights_of(task), learn(task, data, 6 if place.pretend else 20)
        must(all(map(math.isfinite, losses)), f"{run.model}: a loss is not finite.")
        after = weights_of(task)
        must(not same(before, after), f"{run.model}: no step was taken.")
        must(all(value.isfinite().all() for value in after.values()), f"{run.model}: a weight is not finite.")
        facts[run.model] = task.scaler.get_scale()
        task.scaler.load_state_dict(task.scaler.state_dict() | {"scale": 2.0**126})
        role = next(iter(task.networks))
        trained = {n: v.detach().clone() for n, v in task.networks[role].named_parameters() if v.requires_grad}
        learn(task, data, 1)
        kept = all(torch.equal(trained[n], v) for n, v in task.networks[role].named_parameters() if n in trained)
        must(kept, f"{run.model}: gradients that overflowed changed the weights.")
        must(task.scaler.get_scale() < 2.0**126, f"{run.model}: the scale did not fall after an overflow.")
    with mock.patch.object(session, "choose_precision", lambda wanted, device: FLOAT16):
        whole, broken = place.train(clipped, "half"), place.train(clipped, "half-broken", stop_after=7)
    must(not differing(whole, broken), f"Continued from a checkpoint, float16 differs in {differing(whole, broken)}.")
    return facts


def check_macs(place: Bench) -> Facts:
    """Multiply-accumulates are counted alike on every device, attention included."""
    counted = {}
    for name in ("ddpm", "resnet20", "dcgan", "unet"):
        counted[name], expected = (build(place, BY_NAME[name], d)[0].macs() for d in (place.device, CPU))
        must(counted[name] == expected, f"{name}: {counted[name]} on the device, {expected} on the CPU.")
    return counted
