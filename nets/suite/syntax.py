"""Syntax trees as text, without docstrings and whatever else only people read; and the names that they use."""

import ast
from collections.abc import Iterator

Chain = tuple[str, ...]  # a name and its attributes, as in ("metrics", "top_k")
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
DOCUMENTED = (*FUNCTIONS, ast.ClassDef, ast.Module)
SCOPES = (*FUNCTIONS, ast.ClassDef, ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
NEVER = (
    "TYPE_CHECKING",
    "typing.TYPE_CHECKING",
    "__name__ == '__main__'",
)  # conditions that are false in an import
UNUSED = ("ctx", "kind", "type_comment")  # fields of nodes that add no information


def bound(node: ast.AST) -> set[str]:
    """The names that a statement binds in its own scope."""
    if isinstance(node, (*FUNCTIONS, ast.ClassDef)):
        return {node.name}
    names = {node.id} if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load) else set()
    return names.union(*map(bound, ast.iter_child_nodes(node)))


def chains(node: ast.AST, local: frozenset[str] = frozenset()) -> Iterator[Chain]:
    """Every name that a tree uses, with its attributes, as in ("metrics", "top_k"); `local` names are left out."""
    attributes: list[str] = []
    while isinstance(node, ast.Attribute):
        attributes.insert(0, node.attr)
        node = node.value
    if isinstance(node, ast.Name) and node.id not in local:
        yield (node.id, *attributes)
    inside = local | local_names(node) if isinstance(node, FUNCTIONS) else local
    for name, value in ast.iter_fields(node):
        for part in value if isinstance(value, list) else [value]:
            if isinstance(part, ast.AST):
                yield from chains(part, inside if name == "body" else local)


def local_names(function: ast.FunctionDef | ast.AsyncFunctionDef) -> frozenset[str]:
    """Arguments and variables of a function, without those that belong to a comprehension or function inside it."""
    arguments = {part.arg for part in ast.walk(function.args) if isinstance(part, ast.arg)}
    variables: set[str] = set()
    shared: set[str] = set()
    waiting: list[ast.AST] = list(function.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Global):
            shared.update(node.names)
        elif isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            variables.add(node.id)
        if not isinstance(node, SCOPES):
            waiting += ast.iter_child_nodes(node)
    return frozenset((arguments | variables) - shared)


def text(node: object) -> str:
    """A syntax tree as text. Empty fields are left out, so the text is the same in all versions of Python."""
    if isinstance(node, list):
        return f"[{','.join(map(text, node))}]"
    if not isinstance(node, ast.AST):
        return repr(node)
    fields = [(name, value) for name, value in ast.iter_fields(node) if name not in UNUSED]
    if not isinstance(node, ast.Constant):
        fields = [(name, value) for name, value in fields if value is not None and value != []]
    return f"{type(node).__name__}({','.join(f'{name}={text(value)}' for name, value in fields)})"


def stripped(tree: ast.Module, annotations: bool) -> list[ast.stmt]:
    """The statements of a module, changed in place by `Stripped`."""
    Stripped(annotations).visit(tree)
    return tree.body


class Stripped(ast.NodeTransformer):
    """Removes docstrings, and what only people, type checkers and the command line need."""

    def __init__(self, annotations: bool):
        """`annotations`: remove those of functions too."""
        self.annotations, self.inside = annotations, False

    def visit(self, node: ast.AST) -> ast.AST | None:
        inside = self.inside
        if isinstance(node, DOCUMENTED) and ast.get_docstring(node, clean=False) is not None:
            node.body = node.body[1:]
        if isinstance(node, (*FUNCTIONS, ast.Lambda)):
            self.inside = True
        elif isinstance(node, ast.ClassDef):
            self.inside = False
        if isinstance(node, FUNCTIONS) and self.annotations:
            node.returns = None
        if isinstance(node, ast.arg) and self.annotations:
            node.annotation = None
        if isinstance(node, ast.AnnAssign) and self.annotations and inside and node.value:
            node = ast.Assign([node.target], node.value)
        if isinstance(node, ast.If) and not node.orelse and ast.unparse(node.test) in NEVER:
            return None
        node = self.generic_visit(node)
        self.inside = inside
        return node
