"""What code imports: out of its syntax, from the entry on through the project's own modules."""

from __future__ import annotations

import ast
import sys
import warnings
from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import PurePosixPath

SOURCE_ROOTS = ("", "src")
"""Folders of a project, beside the entry's own, that its modules are imported from."""


class ImportVisitor(ast.NodeVisitor):
    """Collects the imports of one file.

    `modules` are dotted names, with what a `from` takes added (`from a import b` is `a.b`);
    those of a relative import begin with its dots. `files` are names of Python files in
    texts: what a script starts or runs counts as its own code.
    """

    def __init__(self) -> None:
        self.modules: set[str] = set()
        self.files: set[str] = set()

    def visit_Import(self, node: ast.Import) -> None:
        """`import a.b as c`."""
        self.modules |= {alias.name for alias in node.names}

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        """`from .a import b`."""
        base = "." * node.level + (node.module or "")
        dot = "." if node.module else ""
        self.modules |= {base + dot + alias.name for alias in node.names}

    def visit_Call(self, node: ast.Call) -> None:
        """`importlib.import_module("a.b")`."""
        name = getattr(node.func, "attr", getattr(node.func, "id", ""))
        if name in ("import_module", "__import__") and node.args:
            match node.args[0]:
                case ast.Constant(value=str(module)) if not module.startswith("."):
                    self.modules.add(module)
        self.generic_visit(node)

    def visit_If(self, node: ast.If) -> None:
        """What only a type checker sees does not count."""
        name = getattr(node.test, "attr", getattr(node.test, "id", ""))
        for part in (
            node.orelse if name == "TYPE_CHECKING" else [node.test, *node.body, *node.orelse]
        ):
            self.visit(part)

    def visit_Constant(self, node: ast.Constant) -> None:
        """A text that may be a file's name."""
        if isinstance(node.value, str) and node.value.endswith(".py"):
            self.files.add(node.value)


def imports_of(code: str | bytes) -> ImportVisitor:
    """The imports of some code; of code with an error in it, of the lines that stand alone."""
    visitor = ImportVisitor()
    try:
        visitor.visit(_parsed(code))
    except (SyntaxError, ValueError, RecursionError):
        for tree in _lines_that_parse(code):
            visitor.visit(tree)
    return visitor


def reachable_imports(
    entry: str, paths: Collection[str], read: Callable[[str], Iterable[str | bytes]]
) -> set[str]:
    """The modules of others that an entry imports, directly or through the project's own.

    `paths` are the project's files; `read` gives the pieces of code of one of them. Of a
    package of the project all modules count, because packages load theirs in many ways. A
    folder without `__init__.py` gives way to an installed package of its name, as in Python.
    """
    project = _Project(paths, (*SOURCE_ROOTS, _folder(entry)))
    found: set[str] = set()
    waiting, seen = [entry], {entry}
    while waiting:
        path = waiting.pop()
        own: set[str] = set()
        for visitor in map(imports_of, read(path)):
            own |= project.named(visitor.files, path)
            for module in visitor.modules:
                files = project.files_of(module, path)
                own |= files
                if not module.startswith(".") and not project.owns(module, files):
                    found.add(module)
        waiting += sorted(own - seen)
        seen |= own
    return {module for module in found if module.partition(".")[0] not in sys.stdlib_module_names}


class _Project:
    """The Python files of a project, and which of them a module's name stands for."""

    def __init__(self, paths: Collection[str], roots: Iterable[str]) -> None:
        self.files = {path for path in paths if path.endswith(".py")}
        self.folders = {
            str(parent) for path in self.files for parent in PurePosixPath(path).parents
        }
        self.roots = tuple(roots)

    def files_of(self, module: str, importer: str) -> set[str]:
        """The project's files that an import loads; none where it is somebody else's."""
        level = len(module) - len(module.lstrip("."))
        if level:
            base = PurePosixPath(importer)
            for _ in range(level):
                base = base.parent
            return self._below(str(base), module[level:])
        roots = (*self.roots, _folder(importer))
        return set().union(*(self._below(root, module) for root in dict.fromkeys(roots)))

    def owns(self, module: str, files: set[str]) -> bool:
        """Whether the files of an import are a module, or a package with an `__init__.py`."""
        top = module.partition(".")[0]
        ends = (f"/{top}.py", f"/{top}/__init__.py")
        return any(f"/{path}".endswith(ends) for path in files)

    def named(self, texts: Iterable[str], importer: str) -> set[str]:
        """Files of the project that texts name, from its folder or from the file's own."""
        places = {_join(base, text) for text in texts for base in ("", _folder(importer))}
        return places & self.files

    def _below(self, root: str, module: str) -> set[str]:
        top = _join(root, module.partition(".")[0])
        if f"{top}.py" in self.files:
            return {f"{top}.py"}
        if module and top in self.folders:
            return {path for path in self.files if path.startswith(f"{top}/")}
        return set()


def _folder(path: str) -> str:
    return str(PurePosixPath(path).parent)


def _join(root: str, rest: str) -> str:
    return str(PurePosixPath(root) / rest)


def _parsed(code: str | bytes) -> ast.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(code)


def _lines_that_parse(code: str | bytes) -> Iterator[ast.Module]:
    text = code if isinstance(code, str) else code.decode("utf-8", "replace")
    for line in text.splitlines():
        if line.lstrip().startswith(("import ", "from ")):
            try:
                yield _parsed(line.strip())
            except (SyntaxError, ValueError):
                continue
