"""Browse the runs of a suite in MLflow, until Ctrl-C.

python -m nets.jobs.browse --results results/quick
"""

import argparse
import os
import socket
import sys
from pathlib import Path

from nets.errors import UserError
from nets.jobs.common import run_job
from nets.jobs.track import follow
from nets.suite.typed import typed

HOST = "127.0.0.1"


def main(argv: list[str] | None = None) -> int:
    """Parse the command line and serve."""
    parser = argparse.ArgumentParser(prog="python -m nets.jobs.browse", description=__doc__.splitlines()[0])
    parser.add_argument("--results", type=Path, required=True, help="folder of the suite")
    parser.add_argument("--port", default="5000", help="where the pages are served (default: %(default)s)")
    args = parser.parse_args(argv)
    return run_job(lambda: browse(args.results, args.port), folder=args.results)


def browse(results: Path, port: str) -> None:
    """Replace this process by MLflow's server; if the runs are on a server already, print its address."""
    if server := os.environ.get("MLFLOW_TRACKING_URI"):
        print(server)
        return
    database = results / "mlflow.db"
    if not database.exists():
        raise UserError(f"{database} is missing; start make run {typed(results)} first.")
    check_free(port)
    if (names := results / "runs.txt").exists():
        follow(results, names)  # they may have been moved since
    print(f"http://{HOST}:{port} (Ctrl-C ends it)", flush=True)
    words = ["--backend-store-uri", f"sqlite:///{database}", "--host", HOST, "--port", port]
    os.execv(sys.executable, [sys.executable, "-P", "-m", "mlflow", "server", *words])


def check_free(port: str) -> None:
    """Raise UserError unless a server can listen on a port."""
    if not port.isdecimal() or not 0 < int(port) < 2**16:
        raise UserError(f"PORT is {port!r}; set it to a number from 1 to 65535.")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, int(port)))
        except OSError as error:
            taken = f"Port {port} can't be had ({error.strerror})"
            raise UserError(f"{taken}; choose another: make mlflow PORT=5001.") from None


if __name__ == "__main__":
    sys.exit(main())
