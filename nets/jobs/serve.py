"""Serve the local jobs of one Snakemake from a process that has everything imported; Snakemake starts it.

python -P -m nets.jobs.serve --listener 3
"""

import argparse
import importlib
import pkgutil
import socket
import sys

import nets
from nets.jobs import found_last
from nets.machine.environment import settle
from nets.machine.server import Request, Server
from nets.machine.slots import warn

LATER = ("nets.machine.client", "nets.reporting.mlflow", "nets.jobs.serve")  # MLflow starts a thread
LAZY = ("torch._dynamo",)  # what torch and others import when they are first used


def main(argv: list[str] | None = None) -> int:
    """Parse the command line, and serve; in a forked process, do its job."""
    parser = argparse.ArgumentParser(prog="python -m nets.jobs.serve", description=__doc__.splitlines()[0])
    parser.add_argument(
        "--listener", type=int, required=True, help="number of the open socket to which clients connect"
    )
    server = Server(socket.socket(fileno=parser.parse_args(argv).listener))
    try:
        prepare()
        request = server.serve()
    except Exception as error:
        warn(f"each job starts Python itself, which takes longer ({type(error).__name__}: {error}).")
        return 1
    return work(request) if request else 0


def prepare() -> None:
    """Import whatever jobs may need, and read the source that decides what an edit reruns, as it is now."""
    from nets.suite.definitions import read

    for module in pkgutil.walk_packages(nets.__path__, "nets."):
        if not module.name.startswith(LATER):
            importlib.import_module(module.name)
        read(module.name)
    for name in LAZY:
        importlib.import_module(name)


def work(request: Request) -> int:
    """Do a job as its own command would; returns its exit status."""
    import numpy as np
    import torch

    found_last()
    settle()
    np.random.seed()
    torch.default_generator.seed()
    module = sys.modules[request.words[2]]
    sys.modules["__main__"] = module
    sys.argv = [str(module.__file__), *request.words[3:]]
    return int(module.main())


if __name__ == "__main__":
    sys.exit(main())
