"""The kinds of learning: `kinds` is their table, `contract` what they have in common; each has a file of its own."""

import importlib
from typing import TYPE_CHECKING

from nets.errors import UserError
from nets.run import Run
from nets.tasks.kinds import FILE, KINDS

if TYPE_CHECKING:
    from nets.tasks.contract import Task


def task_class(run: Run) -> "type[Task]":
    """The class that trains a run; imports only this task. Raises UserError."""
    kind = KINDS[run.task]
    path = (kind.generator if run.fidelity else kind.task) or ""
    module, _, name = path.rpartition(".")
    try:
        return getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise UserError(f"{FILE}: the class {path} of {run.task} can't be imported: {error}.") from None
