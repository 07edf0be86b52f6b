"""Serve the local jobs of one Snakemake from a process that has everything imported; Snakemake starts it.

python -P -m nets.jobs.serve --listener 3
"""

import argparse
import importlib
import pkgutil
import socket
import sys

import numpy as np
import torch

import nets
from nets.jobs import found_last
from nets.machine.environment import settle
from nets.machine.server import Request, Server
from nets.machine.slots import warn
from nets.suite.definitions import read

LAZY = ("torch._dynamo",)  # what libraries import when they are first used
NOT = ("nets.machine.client", "nets.reporting.mlflow.", "nets.jobs.serve")  # MLflow starts a thread


def main(argv: list[str] | None = None) -> int:
    """Parse the command line, and serve; in a forked process, do its job."""
    parser = argparse.ArgumentParser(prog="python -m nets.jobs.serve", description=__doc__.splitlines()[0])
    parser.add_argument("--listener", type=int, required=True, help="number of the open socket for clients")
    server = Server(socket.socket(fileno=parser.parse_args(argv).listener))
    try:
        names = [module.name for module in pkgutil.walk_packages(nets.__path__, "nets.")]
        for name in [*LAZY, *(name for name in names if not name.startswith(NOT))]:
            importlib.import_module(name)
        for name in names:
            read(name)  # the source that decides what an edit reruns, as it is now
        request = server.serve()
    except Exception as error:
        warn(f"each job starts Python itself, which takes longer ({type(error).__name__}: {error}).")
        return 1
    return work(request) if request else 0


def work(request: Request) -> int:
    """Do a job as its own command would; returns its exit status."""
    found_last()
    settle()
    np.random.seed()
    torch.default_generator.seed()
    module = sys.modules["__main__"] = sys.modules[request.words[2]]
    sys.argv = [str(module.__file__), *request.words[3:]]
    return int(module.main())


if __name__ == "__main__":
    sys.exit(main())
