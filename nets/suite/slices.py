"""What code depends on: the definitions that it uses, directly or indirectly, in the modules of its own packages.

A whole module is taken if it is passed on as an object, if a name is not found in it, or if it is in another package.
A name that is imported at run time cannot be seen; the caller gives it as a root.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from nets.suite.definitions import PACKAGE, Definition, Module, locate, modules_of, read
from nets.suite.syntax import Chain

TASK = "nets.tasks.contract:Task"


@dataclass(frozen=True)
class Slice:
    """A part of the source."""

    files: dict[str, str]  # a short hash of the used part of each file, as in {"nets/tasks/contract.py": "3f2a91c0"}
    definitions: frozenset[tuple[str, str]]  # the used parts, as in ("nets/tasks/contract.py", "Task.check")

    @property
    def digest(self) -> str:
        """Twelve hex digits, the same for equal files with equal hashes."""
        return short(self.files, 12)


@cache
def slice_of(roots: tuple[str, ...], without: tuple[str, ...] = ()) -> Slice:
    """The definitions that `roots` use.

    A root is a module, a definition in it ("nets.models.lenet:LeNet5"), or a whole package ("a.*"). Modules, packages
    and definitions in `without` are not followed.
    """
    walk = Walk({PACKAGE.name, *(root.partition(":")[0].split(".")[0] for root in roots)}, without)
    for root in (each for given in roots for each in modules_of(given)):
        module, _, name = root.partition(":")
        walk.load(module)
        walk.take_each(walk.find_in(module, (name,) if name else (), set()))
    walk.finish()
    files = {file: short({f"{d.name} {d.position}": d.sha256 for d in walk.taken[file]}) for file in sorted(walk.taken)}
    return Slice(files, frozenset((file, taken.name) for file in walk.taken for taken in walk.taken[file]))


def short(content: dict[str, str], digits: int = 8) -> str:
    """The first digits of a SHA-256."""
    return hashlib.sha256(repr(sorted(content.items())).encode()).hexdigest()[:digits]


class Walk:
    """Follows names from definition to definition until no definition is new."""

    def __init__(self, packages: set[str], without: tuple[str, ...]):
        self.packages, self.without = packages, without
        self.taken: dict[str, set[Definition]] = {}  # by file
        self.seen: set[Definition] = set()
        self.waiting: list[tuple[Module, Definition]] = []
        self.loaded: set[str] = set()
        self.whole: set[Module] = set()
        self.mentioned: set[str] = set()
        self.asleep: dict[str, list[tuple[Module, Definition]]] = {}  # members of tasks that nothing has mentioned yet

    def finish(self) -> None:
        """Follow every definition that waits."""
        while self.waiting:
            module, definition = self.waiting.pop()
            for name in definition.modules:
                self.load(name)
            for chain in definition.uses:
                self.take_each(self.find(module, chain, definition, set()))
            for word in definition.mentions - self.mentioned:
                self.mentioned.add(word)
                self.take_each(iter(self.asleep.pop(word, ())))

    def own(self, name: str) -> Module | None:
        """A module that is to be followed; None for any other."""
        parts = name.split(".")
        excluded = any(".".join(parts[:end]) in self.without for end in range(1, len(parts) + 1))
        return read(name) if parts[0] in self.packages and not excluded else None

    def load(self, name: str) -> None:
        """Take what the import of a module executes, in it and in its imports; in other packages, take everything."""
        if name in self.loaded:
            return
        self.loaded.add(name)
        if parent := name.rpartition(".")[0]:
            self.load(parent)
        if (module := self.own(name)) is None:
            return
        for imported in module.modules:
            self.load(imported)
        for definition in module.all():
            registers = any(any(self.find(module, chain, definition, set())) for chain in definition.decorators)
            if definition.executed or registers:
                self.take(module, definition)
        if name.split(".")[0] != PACKAGE.name:
            self.take_all(module)

    def find(
        self, module: Module, chain: Chain, user: Definition | None, seen: set[tuple[str, Chain]]
    ) -> Iterator[tuple[Module, Definition | None]]:
        """What a name in a definition of a module refers to: definitions, or whole modules (None)."""
        for definition in module.definitions.get(chain[0], ()):
            yield module, definition
        imports = [*module.imports.get(chain[0], ()), *(user.imports.get(chain[0], ()) if user else ())]
        for imported in imports:
            yield from self.find_in(imported.module, (*filter(None, [imported.name]), *chain[1:]), seen)
        for star in module.imports.get("*", ()):
            yield from self.find_in(star.module, chain, seen)

    def find_in(
        self, name: str, chain: Chain, seen: set[tuple[str, Chain]]
    ) -> Iterator[tuple[Module, Definition | None]]:
        """What a name in another module refers to: a definition there, something that it imports, or a submodule."""
        if (name, chain) in seen or name.split(".")[0] not in self.packages:
            return
        seen.add((name, chain))
        module = self.own(name)
        if module and chain and (chain[0] in module.definitions or chain[0] in module.imports):
            yield from self.find(module, chain, None, seen)
        elif chain and locate(f"{name}.{chain[0]}"):
            yield from self.find_in(f"{name}.{chain[0]}", chain[1:], seen)
        elif module:
            yield module, None

    def take_each(self, parts: Iterator[tuple[Module, Definition | None]]) -> None:
        """Take definitions, and whole modules."""
        for module, definition in parts:
            if definition:
                self.take(module, definition)
            else:
                self.take_all(module)

    def take_all(self, module: Module) -> None:
        """Take a whole module, with what it imports for others and does not use itself."""
        if module in self.whole:
            return
        self.whole.add(module)
        used: set[str] = set()
        for definition in module.all():
            self.take(module, definition)
            members = [member for several in definition.members.values() for member in several]
            used |= {chain[0] for part in [definition, *members] for chain in part.uses}
        for name in module.imports.keys() - used:
            self.take_each(self.find(module, (name,), None, set()))

    def take(self, module: Module, definition: Definition) -> None:
        """Take a definition. Of a task, only the members that are mentioned anywhere, now or later, are taken."""
        if definition in self.seen or f"{module.name}:{definition.name}" in self.without:
            return
        self.seen.add(definition)
        self.taken.setdefault(module.file, set()).add(definition)
        self.waiting.append((module, definition))
        task = bool(definition.members) and self.is_task(module, definition)
        for name, members in definition.members.items():
            for member in members:
                if task and name not in self.mentioned:
                    self.asleep.setdefault(name, []).append((module, member))
                else:
                    self.take(module, member)

    def is_task(self, module: Module, definition: Definition) -> bool:
        """Whether a class is a task: only this project calls its methods. Torch calls those of networks too."""
        parents = (parent for chain in definition.bases for parent in self.find(module, chain, None, set()))
        known = f"{module.name}:{definition.name}" == TASK
        return known or any(parent and self.is_task(other, parent) for other, parent in parents)
