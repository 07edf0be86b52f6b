"""The source that a stage of the workflow is made of, so that an edit reruns what it can have changed.

Snakemake sees no imports; here they are read from the source text, without importing anything.
"""

import ast
import hashlib
import importlib.util
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from nets.errors import UserError

PACKAGE = Path(__file__).resolve().parents[1]


@cache
def fingerprint(modules: tuple[str, ...], pattern: str = "") -> str:
    """SHA-256 of the source of `closure(modules)`, and of the files of the project that match a glob pattern."""
    more = sorted(PACKAGE.parent.glob(pattern)) if pattern else []
    found = hashlib.sha256()
    for path in [*closure(modules), *more]:
        found.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return found.hexdigest()


def closure(modules: Iterable[str]) -> list[Path]:
    """Files of the given modules and of all modules of the same packages that they import, directly or not."""
    found: dict[str, Path] = {}
    waiting = list(modules)
    packages = {PACKAGE.name, *(module.split(".")[0] for module in waiting)}
    while waiting:
        module = waiting.pop()
        path = locate(module)
        if module not in found and path is not None:
            found[module] = path
            if "site-packages" not in path.parts:  # what is installed has a version, and is not followed
                waiting += [name for name in imports(path) if name.split(".")[0] in packages]
    return [found[module] for module in sorted(found)]


def check_findable(modules: Iterable[str]) -> None:
    """Raise UserError for a module, named in the catalogue of models, that Python does not find."""
    for module in modules:
        if locate(module) is None:
            raise UserError(
                f"models.yaml: Python finds no module {module!r}; correct the class's path, or put the folder of its "
                "package on PYTHONPATH."
            )


@cache
def locate(module: str) -> Path | None:
    """The file of a module; None for packages without code of their own and for names that are no modules."""
    if module.split(".")[0] != PACKAGE.name:
        try:
            spec = importlib.util.find_spec(module)
        except ModuleNotFoundError:  # of a parent
            return None
        return Path(spec.origin) if spec and spec.origin else None
    path = PACKAGE.parent.joinpath(*module.split("."))
    file = path.with_suffix(".py") if not path.is_dir() else path / "__init__.py"
    return file if file.exists() else None


@cache
def imports(path: Path) -> tuple[str, ...]:
    """The modules that a file imports anywhere in it; a name imported from a module may be one, or not."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return tuple(sorted(names))
