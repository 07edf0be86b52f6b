"""Modules as definitions: what each top-level statement contains, and which names it uses. Nothing is imported.

Syntax trees have no comments and no formatting. Docstrings are removed here, and so are the annotations of this
project's functions, because nothing reads them at run time.
"""

import ast
import hashlib
import importlib.util
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import NamedTuple

from nets.suite.syntax import FUNCTIONS, Chain, bound, chains, stripped, text

PACKAGE = Path(__file__).resolve().parents[1]
BLOCKS = (ast.If, ast.Try, ast.With, ast.For, ast.While)


class Import(NamedTuple):
    """What an imported name refers to: a module, or a name in it."""

    module: str
    name: str | None


@dataclass(eq=False)
class Definition:
    """A top-level statement of a module, or a member of a class."""

    name: str  # as in "Task.check"; "<statement>" if it binds no name
    sha256: str
    position: int = 0  # among the definitions of the same name
    uses: set[Chain] = field(default_factory=set)  # names and their attributes, as in ("metrics", "top_k")
    mentions: set[str] = field(default_factory=set)  # attributes, and strings that may name an attribute
    imports: dict[str, list[Import]] = field(default_factory=dict)  # imports inside it, by the names that they bind
    modules: set[str] = field(default_factory=set)  # all modules that these import
    decorators: list[Chain] = field(default_factory=list)
    bases: list[Chain] = field(default_factory=list)
    members: dict[str, list["Definition"]] = field(default_factory=dict)  # of a class: methods and plain attributes
    executed: bool = False  # whether every import of the module executes it


@dataclass(eq=False)
class Module:
    """The definitions of a module by name; several where a name is bound more than once."""

    name: str
    file: str  # as in "nets/tasks/classification.py"
    definitions: dict[str, list[Definition]] = field(default_factory=dict)
    executed: list[Definition] = field(default_factory=list)  # statements that bind no name
    imports: dict[str, list[Import]] = field(default_factory=dict)
    modules: set[str] = field(default_factory=set)  # all modules that an import of it imports

    def all(self) -> list[Definition]:
        """Every definition; a class includes its members."""
        return [*self.executed, *(each for several in self.definitions.values() for each in several)]


@cache
def locate(module: str) -> Path | None:
    """The file of a module; None for a package without code of its own and for a name that is not a module."""
    if module.split(".")[0] != PACKAGE.name:
        try:
            spec = importlib.util.find_spec(module)
        except (ModuleNotFoundError, ValueError):  # raised for a parent; for __main__
            return None
        return Path(spec.origin) if spec and spec.origin and Path(spec.origin).is_file() else None
    path = PACKAGE.parent.joinpath(*module.split("."))
    file = path.with_suffix(".py") if not path.is_dir() else path / "__init__.py"
    return file if file.exists() else None


def modules_of(root: str) -> list[str]:
    """The modules of a root; for "nets.metrics.*", those in that folder."""
    if not root.endswith(".*"):
        return [root]
    folder = PACKAGE.parent.joinpath(*root.split(".")[:-1])
    return [root.removesuffix("*") + path.stem for path in sorted(folder.glob("*.py")) if path.stem != "__init__"]


@cache
def read(name: str) -> Module | None:
    """A module's definitions; None if there is no such module. An installed file is one definition without names."""
    path = locate(name)
    if path is None:
        return None
    folder = name.replace(".", "/")
    module = Module(name, f"{folder}/__init__.py" if path.stem == "__init__" else f"{folder}{path.suffix}")
    if path.suffix != ".py" or "site-packages" in path.parts:
        module.executed.append(Definition("<file>", hashlib.sha256(path.read_bytes()).hexdigest(), executed=True))
        return module
    package = name if path.stem == "__init__" else name.rpartition(".")[0]
    ours = name.split(".")[0] == PACKAGE.name
    for node in stripped(ast.parse(path.read_text(encoding="utf-8")), annotations=ours):
        if isinstance(node, ast.Import | ast.ImportFrom):
            add_import(node, package, module.imports, module.modules)
        else:
            add_statement(node, package, module)
    return module


def add_statement(node: ast.stmt, package: str, module: Module) -> None:
    """Add a top-level statement that is not an import."""
    names = bound(node)
    definition = define(node, package, ", ".join(sorted(names)) or "<statement>")
    definition.executed = not names or isinstance(node, BLOCKS)
    if isinstance(node, BLOCKS):  # it may contain imports
        for name, imports in definition.imports.items():
            module.imports.setdefault(name, []).extend(imports)
        module.modules |= definition.modules
    for several in [module.definitions.setdefault(name, []) for name in names] or [module.executed]:
        definition.position = max(definition.position, len(several))
        several.append(definition)


def define(node: ast.stmt, package: str, name: str) -> Definition:
    """A statement as a definition; methods and plain attributes of a class become definitions of their own."""
    members: dict[str, list[Definition]] = {}
    if isinstance(node, ast.ClassDef):
        body, node.body = node.body, []
        for part in body:
            if member := member_name(part, decorated=bool(node.decorator_list)):
                several = members.setdefault(member, [])
                several.append(define(part, package, f"{name}.{member}"))
                several[-1].position = len(several) - 1
            else:
                node.body.append(part)
    definition = Definition(name, hashlib.sha256(text(node).encode()).hexdigest(), members=members)
    for inner in ast.walk(node):
        if isinstance(inner, ast.Import | ast.ImportFrom):
            add_import(inner, package, definition.imports, definition.modules)
        elif isinstance(inner, ast.Constant) and isinstance(inner.value, str):
            definition.mentions.add(inner.value)
        elif isinstance(inner, ast.Attribute):
            definition.mentions.add(inner.attr)
        elif isinstance(inner, ast.MatchClass):
            definition.mentions.update(inner.kwd_attrs)
    definition.uses = set(chains(node))
    definition.decorators = [chain for part in getattr(node, "decorator_list", []) for chain in chains(part)]
    definition.bases = [chain for part in getattr(node, "bases", []) for chain in chains(part)]
    return definition


def member_name(node: ast.stmt, decorated: bool) -> str | None:
    """The name of a member that code can use only by its name; None for members that Python itself uses."""
    names = {node.name} if isinstance(node, FUNCTIONS) else set()
    if isinstance(node, ast.Assign | ast.AnnAssign) and node.value and not decorated:  # a dataclass uses its fields
        names = bound(node)
    name = names.pop() if len(names) == 1 else "__none__"
    return None if name.startswith("__") else name


def add_import(
    node: ast.Import | ast.ImportFrom, package: str, names: dict[str, list[Import]], modules: set[str]
) -> None:
    """Add what an import binds to `names`, and what it imports to `modules`; "*" binds every unknown name."""
    if isinstance(node, ast.Import):
        for alias in node.names:
            modules.add(alias.name)
            top = alias.name if alias.asname else alias.name.split(".")[0]
            names.setdefault(alias.asname or top, []).append(Import(top, None))
        return
    source = node.module or ""
    if node.level:
        parents = package.split(".")
        source = ".".join([*parents[: len(parents) - node.level + 1], *filter(None, [node.module])])
    modules |= {source, *(f"{source}.{alias.name}" for alias in node.names)}
    for alias in node.names:
        names.setdefault(alias.asname or alias.name, []).append(Import(source, alias.name))
