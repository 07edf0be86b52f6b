"""What code uses, in small packages made for the test: nothing is missed, and little is taken needlessly."""

import ast
import sys

import pytest

from nets.errors import UserError
from nets.suite import definitions, slices, syntax
from nets.suite.slices import slice_of


@pytest.fixture
def source(tmp_path, monkeypatch):
    """A function that writes modules of a project called nets into a folder, and takes the slice of a root."""
    monkeypatch.setattr(definitions, "PACKAGE", tmp_path / "nets")
    monkeypatch.syspath_prepend(str(tmp_path))

    def make(root="nets.a:run", without=(), **modules):
        for name, text in modules.items():
            path = tmp_path.joinpath(*name.split("__")).with_suffix(".py")
            if name.split("__")[0] not in ("own", "other"):
                path = (tmp_path / "nets").joinpath(*name.split("__")).with_suffix(".py")
            path.parent.mkdir(parents=True, exist_ok=True)
            for folder in path.relative_to(tmp_path).parents[:-1]:
                (tmp_path / folder / "__init__.py").touch()
            path.write_text(text)
        for function in (definitions.read, definitions.locate, slices.slice_of):
            function.cache_clear()
        roots = (root,) if isinstance(root, str) else root
        return slice_of(roots, without)

    yield make
    for function in (definitions.read, definitions.locate, slices.slice_of):
        function.cache_clear()


def names(part):
    return {f"{file.removeprefix('nets/').removesuffix('.py')}.{name}" for file, name in part.definitions}


B = """
SIZE = 3
OTHER = 4

def used(x=SIZE): return x
def unused(): return OTHER
class Base: size = OTHER
class Derived(Base):
    def method(self): return helper()
def helper(): return 1
"""


@pytest.mark.parametrize(
    ("a", "taken"),
    [
        ("from nets.b import used\ndef run(): return used()", {"used", "SIZE"}),
        ("from nets.b import used as other\ndef run(): return other()", {"used", "SIZE"}),
        ("from nets import b\ndef run(): return b.used()", {"used", "SIZE"}),
        ("import nets.b as z\ndef run(): return z.used()", {"used", "SIZE"}),
        ("import nets.b\ndef run(): return nets.b.used()", {"used", "SIZE"}),
        ("from .b import used\ndef run(): return used()", {"used", "SIZE"}),
        ("from . import b\ndef run(): return b.used()", {"used", "SIZE"}),
        ("def run():\n    from nets.b import used\n    return used()", {"used", "SIZE"}),
        ("from nets.b import Derived\nclass run(Derived): pass", {"Derived", "Derived.method", "helper", "Base"}),
        ("from nets.b import used\n@used\ndef run(): pass", {"used", "SIZE"}),
        ("from nets.b import used\ndef run(x=used()): pass", {"used", "SIZE"}),
        ("from nets.b import used\nTABLE = {1: used}\ndef run(): return TABLE", {"used", "SIZE"}),
        ("from nets.b import used\nclass run:\n    table = [used]", {"used", "SIZE"}),
        ("from nets.b import used\ndef run(): return f'{used()}'", {"used", "SIZE"}),
        ("from nets.b import used\ndef run(): return lambda: [used() for _ in 'ab']", {"used", "SIZE"}),
        ("from nets.b import used, unused\ndef run(): return used()", {"used", "SIZE"}),
        (
            "try:\n    from nets.b import used\nexcept ImportError:\n    used = None\ndef run(): used()",
            {"used", "SIZE"},
        ),
        ("from nets.c import used\ndef run(): return used()", {"used", "SIZE"}),  # c imports it from b
        ("from nets import c\ndef run(): return c.b.used()", {"used", "SIZE"}),
        ("from nets.b import used\ndef run(used): return used", set()),  # an argument of that name
        ("from nets.b import used\ndef run(x: used) -> used: pass", set()),  # an annotation calls nothing
        ("from nets.b import used\ndef run(): pass", set()),
    ],
)
def test_what_is_followed(source, a, taken):
    used = names(source(a=a, b=B, c="from nets.b import used\nfrom nets import b\n"))
    everything = {"SIZE", "OTHER", "used", "unused", "Base", "Base.size", "Derived", "Derived.method", "helper"}
    assert used & {f"b.{name}" for name in everything} == {f"b.{name}" for name in taken} | (
        {"b.Base.size", "b.OTHER"} if "Base" in taken else set()
    )


@pytest.mark.parametrize(
    "a",
    [
        "from nets import b\ndef run(name): return getattr(b, name)()",
        "import nets.b as z\ndef run(other): other(z)",
        "from nets import b\nROOMS = [b]\ndef run(): return ROOMS",
        "from nets.b import *\ndef run(): return used()",
        "from nets.b import gone\ndef run(): return gone()",
        "from nets import b\ndef run(): return b.gone()",
    ],
)
def test_in_doubt_the_whole_module(source, a):
    assert {"b.used", "b.unused", "b.helper", "b.Derived.method"} <= names(source(a=a, b=B))


def test_what_an_import_executes(source):
    module = (
        "from nets import c\nKNOWN = {}\ndef add(f): KNOWN[f.__name__] = f\n@add\ndef found(): pass\ndef plain(): ..."
    )
    used = names(source(a="from nets.b import plain\ndef run(): pass", b=module, c="import os\nos.umask(2)\nX = 1"))
    assert {"b.add", "b.KNOWN", "b.found", "c.<statement>"} <= used and not {"b.plain", "c.X"} & used


def test_all_modules_of_a_package(source):
    part = source("nets.room.*", room__a="X = 1", room__b="from nets.c import used", c="def used(): ...\nY = 1")
    assert names(part) == {"room/a.X", "c.used"}


def test_circles_end(source):
    a = "from nets.b import back\nfrom nets import b\ndef run(): return back(), b\ndef there(): return run()"
    assert "a.run" in names(source(a=a, b="from nets.a import there as back\nfrom nets import a\nfrom nets.b import x"))


def test_a_module_that_is_left_out(source):
    a = "from nets.b import used\nfrom nets import b\ndef run(): return used(), b.used(), helper()\ndef helper(): ..."
    assert names(source(a=a, b=B, without=("nets.b", "nets.a:helper"))) == {"a.run"}


PLAIN = "import math\nLIMIT = 2\ndef run(x, y=1):\n    total: int = x\n    return [total, LIMIT, 'a b']\n"


@pytest.mark.parametrize(
    ("edited", "same"),
    [
        (PLAIN.replace("LIMIT = 2", "# why\nLIMIT  =  (2)  # so"), True),
        (PLAIN.replace("def run", "def more(): ...\n\n\ndef run"), True),
        (PLAIN.replace("(x, y=1):", "(\n    x,\n    y=1,\n):\n    '''Says.'''\n"), True),
        (PLAIN.replace("(x, y=1)", "(x: int, y: int = 1) -> list"), True),
        (PLAIN.replace("total: int = x", "total = x"), True),
        (PLAIN.replace("'a b'", '"a " "b"'), True),
        (PLAIN.replace("import math\n", "") + "if __name__ == '__main__':\n    print(run(1))\n", True),
        (PLAIN.replace("LIMIT = 2", "LIMIT = 2.0"), False),
        (PLAIN.replace("'a b'", "'a  b'"), False),
        (PLAIN.replace("y=1", "y=True"), False),
        (PLAIN.replace("'a b'", "None"), False),
        (PLAIN.replace("total, LIMIT", "LIMIT, total"), False),
        (PLAIN + "LIMIT += 1\n", False),
        (PLAIN + "run.limit = 2\n", False),
    ],
)
def test_what_changes_the_hash(source, edited, same):
    before, after = source(a=PLAIN), source(a=edited)
    assert (before.digest == after.digest) == same
    assert list(after.files) == ["nets/a.py"]


CONTRACT = """
class Task:
    kind = "plain"
    def __init__(self): self.begin()
    def begin(self): ...
    def step(self): return self.draw()
    def draw(self): ...
    def evaluate(self): ...
    def helper(self): ...
"""
TASK = """
from nets.tasks.contract import Task
from nets import metrics
def shared(): ...
class Mine(Task):
    headline = "top1"
    def step(self): return shared()
    def draw(self): ...
    def evaluate(self): return metrics.top1(), self.worst()
    def worst(self): ...
class Finer(Mine):
    def evaluate(self): return metrics.top5()
"""
LOOP = "def run(task): task.step()\ndef measure(task): task.evaluate(), getattr(task, 'headline')"


@pytest.mark.parametrize("order", [1, -1])
def test_members_of_a_task_are_followed_by_their_names(source, order):
    modules = {
        "tasks__contract": CONTRACT,
        "tasks__mine": TASK,
        "a": LOOP,
        "metrics": "def top1(): ...\ndef top5(): ...",
    }
    train = names(source(("nets.a:run", "nets.tasks.mine:Finer")[::order], **modules))
    assert {name.partition(".")[2] for name in train if name.startswith("tasks")} == {
        *("Task", "Task.__init__", "Task.begin", "Task.step", "Task.draw", "Mine", "Mine.step", "Mine.draw", "shared"),
        "Finer",
    } - {"Task.__init__"}  # a part of the class itself
    assert "metrics.top1" not in train
    evaluated = names(source(("nets.a:measure", "nets.tasks.mine:Mine"), **modules))
    assert {"metrics.top1", "tasks/mine.Mine.worst", "tasks/mine.Mine.headline"} <= evaluated
    assert "metrics.top5" not in evaluated


def test_a_network_of_ones_own_is_followed_with_whole_modules(source):
    own = {
        "own__net": "from own.parts import layer\nfrom other import thing\nfrom nets.b import used\ndef f(): ...\nX = 1"
    }
    part = source("own.net", own__parts="def layer(): ...\ndef more(): ...", other="Y = 1", b=B, **own)
    assert {name for file, name in part.definitions if file == "own/parts.py"} == {"layer", "more"}
    assert {"own/net.py", "own/parts.py", "nets/b.py"} == set(part.files)
    assert ("nets/b.py", "unused") not in part.definitions


def test_a_strangers_packages_are_read_and_not_run(source, tmp_path):
    bomb = "raise SystemExit('imported')"
    own = {"own__inner__net": "from own.inner import parts\nX = 1", "own__inner__parts": "Y = 1"}
    for folder in ("own", "own/inner", "own/space/deep"):
        (tmp_path / folder).mkdir(parents=True, exist_ok=True)
        (tmp_path / folder / "__init__.py").write_text(bomb)
    (tmp_path / "own/space/__init__.py").unlink(missing_ok=True)  # a namespace
    (tmp_path / "own/space/deep/net.py").write_text("Z = 1")
    used = source("own.inner.net", **own)
    assert set(used.files) == {"own/__init__.py", "own/inner/__init__.py", "own/inner/net.py", "own/inner/parts.py"}
    assert definitions.locate("own.space.deep.net") == tmp_path / "own/space/deep/net.py"
    assert definitions.locate("own.space.other") is None and definitions.locate("own.space") is None
    assert not {name for name in sys.modules if name.partition(".")[0] == "own"}


def test_what_is_not_python_is_said(source):
    with pytest.raises(UserError, match="own/net.py is not Python .*; correct it"):
        source("own.net", own__net="def f(:")


def test_text_is_the_same_whatever_empty_fields_a_version_of_python_has():
    tree = ast.parse("def f(x): return x or None").body[0]
    assert syntax.text(tree).count("None") == 1 and "type_params" not in syntax.text(tree)
