"""From an entry of models.yaml to a network: which classes and functions may be called, and with which arguments."""

import importlib
import inspect
import os
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from torch import nn

from nets import trust
from nets.errors import UserError, first_line, is_out_of_memory
from nets.tasks.convolutions import OUTSIDE


def import_class(path: str, builder: bool = False) -> Callable[..., nn.Module]:
    """A class of networks by its import path, or a function that builds one. Raises UserError for anything else.

    The path comes from a file, and a function that is called can do anything. So it must be one that torchvision or
    timm registers as the builder of a network, or the entry must say that it is a `builder`.
    """
    module, _, name = path.rpartition(".")
    try:
        found = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise UserError(f"The class {path} of models.yaml can't be imported: {error}.") from None
    known = isinstance(found, type) and issubclass(found, nn.Module)
    if builder and trust.known_builders and path not in trust.known_builders():
        raise UserError(f"{path} is called as a builder, but no models.yaml says `builder: true` of it; train again.")
    if not (known or builder or is_registered(found, module)):
        raise UserError(
            f"{path} is not a class of networks (torch.nn.Module); name one, or, if it is your function that builds a "
            "network, write `builder: true` beside it in models.yaml."
        )
    return found


def is_registered(found: Any, module: str) -> bool:
    """Whether an object of an imported module is what torchvision or timm lists as the builder of a network."""
    package = module.partition(".")[0]
    if package not in ("torchvision", "timm"):
        return False
    models = importlib.import_module(f"{package}.models")
    builder = models.get_model_builder if package == "torchvision" else models.model_entrypoint
    return any(found is builder(name) for name in models.list_models())


def build_network(path: str, args: dict[str, Any], facts: dict[str, Any], builder: bool = False) -> nn.Module:
    """A network from its catalogue entry; it gets those of `facts` that its constructor accepts.

    An argument whose value is "$num_classes", say, gets the fact of that name: for constructors that call it otherwise,
    or that take `**kwargs`. `builder`: whether the entry says that `path` is a function.
    """
    network = import_class(path, builder)
    accepted = inspect.signature(network).parameters
    takes_all = any(parameter.kind is parameter.VAR_KEYWORD for parameter in accepted.values())
    unknown = [name for name in args if name not in accepted and not takes_all]
    if unknown:
        raise UserError(f"{path} has no constructor argument {unknown[0]!r}; it takes {', '.join(accepted)}.")
    given = {k: v for k, v in facts.items() if k in accepted} | {k: filled(v, facts, k) for k, v in args.items()}
    try:
        inspect.signature(network).bind(**given)
    except TypeError as error:
        raise UserError(f"{path} can't be built: {error}; give it in `args` of models.yaml.") from None
    try:
        built = network(**given)
    except ValueError as error:
        raise UserError(f"{path} can't be built: {error}") from error
    except TypeError as error:
        if not takes_all:  # then the arguments are right, and the trace shows where the constructor fails
            raise
        raise UserError(f"{path} can't be built: {error}; correct `args` of models.yaml.") from error
    if not isinstance(built, nn.Module):
        raise UserError(f"{path} returns {type(built).__name__}, not a torch.nn.Module; name the network's class.")
    return built


def filled(value: Any, facts: dict[str, Any], name: str) -> Any:
    """An argument's value, with the fact that it names as "$num_classes" in its place. Raises UserError for others."""
    if not (isinstance(value, str) and value.startswith("$")):
        return value
    if value[1:] not in facts:
        known = ", ".join(f"${fact}" for fact in facts)
        raise UserError(f"{name}: {value} of models.yaml is no fact of the data set; there are {known}.")
    return facts[value[1:]]


@contextmanager
def blamed(names: Iterable[str], shape: tuple[int, ...]) -> Iterator[None]:
    """Raise UserError, with the line, for what networks raise on images of this shape; not for a lack of memory."""
    try:
        yield
    except Exception as error:
        if isinstance(error, UserError) or is_out_of_memory(error):
            raise
        raise UserError(
            f"{', '.join(names)} fails on two images {shape} at {line_of(error)} "
            f"({type(error).__name__}: {first_line(error)}); correct the network, its args in models.yaml, or the "
            "choice of the data set."
        ) from error


def line_of(error: Exception) -> str:
    """The innermost line of an error's trace where a network is written: "my_net.py, line 12"."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if not f.filename.startswith(OUTSIDE)]
    return f"{os.path.basename(frames[-1].filename)}, line {frames[-1].lineno}"
