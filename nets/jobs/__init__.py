"""One command per rule or make target: `python -m nets.jobs.train --help`."""

import os
import sys

from nets.machine.environment import settle


def found_last() -> None:
    """Look for modules in the checkout after all other places, and in the working folder only if PYTHONPATH names it.

    Otherwise a file beside somebody's results, called jsonschema.py, would be imported in place of the package.
    """
    checkout, here = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))), os.getcwd()
    named = {os.path.abspath(entry) for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep) if entry}
    unwanted = {checkout, *({here} - named)}
    sys.path[:] = [*(entry for entry in sys.path if os.path.abspath(entry) not in unwanted), checkout]


if sys.argv[0] == "-m":  # Python is about to run a job
    found_last()
    settle()
