"""The checksum of what a revision file does, and the file migrations/head with the checksums of all of them."""

import ast
import re
from collections.abc import Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

from seedbed.errors import MergeConflictMarkers
from seedbed.migrations.history.revisions import History, Revision, find_script_directory
from seedbed.settings import Project
from seedbed.settings.atomic_files import write_atomically

_BLANKS_AT_LINE_ENDS = re.compile(r"[ \t]+(?=\n)")
_WITHOUT_EFFECT = frozenset({"ctx", "kind", "type_comment", "type_ignores", "type_params"})
"""Fields of a syntax tree that do not affect execution."""

_NOTE = "# Written by Seedbed. Commit it. Two revisions after the same one conflict here when they are merged.\n"
OPEN = "open"
"""Stands for the checksum of a revision that is still being written by hand."""

_CONFLICT = re.compile(r"^(<{7}|\|{7}|={7}|>{7})(\s|$)", re.MULTILINE)


def compute_checksum(file: Path) -> str:
    """Return the checksum of a revision file's effect: of its syntax tree without the parts that have no effect.

    These parts are comments, docstrings, annotations, quotes, line breaks, parentheses, the order of imports, unused
    imports and blanks at line ends. So black, ruff, isort and pyupgrade do not change the checksum. The tree is
    serialized here because the output of `ast.dump` and `ast.unparse` differs between versions of Python.

    Raises:
        SyntaxError: the file is not valid Python, so Alembic could not have run it.
    """
    tree = _Normalizer().visit(ast.parse(file.read_bytes(), str(file)))
    statements = [node for node in tree.body if not isinstance(node, ast.Import | ast.ImportFrom)]
    lines = [*sorted(_used_imports(tree)), *map(_serialize, statements)]
    return sha256("\n".join(lines).encode()).hexdigest()[:16]


class _Normalizer(ast.NodeTransformer):
    """Removes parts without effect from a syntax tree, and normalizes equivalent parts."""

    def visit_Pass(self, _node: ast.Pass) -> None:
        return None

    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
        return None if isinstance(node.value, ast.Constant) else self.generic_visit(node)

    def visit_Return(self, node: ast.Return) -> ast.AST:
        returns_none = isinstance(node.value, ast.Constant) and node.value.value is None
        return ast.Return(None) if returns_none else self.generic_visit(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        """Keep the annotations in a class body: they may define its attributes."""
        annotated = {id(statement): statement for statement in node.body if isinstance(statement, ast.AnnAssign)}
        node.body = [statement if id(statement) in annotated else self.visit(statement) for statement in node.body]
        node.body = [statement for statement in node.body if statement is not None]
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.returns = None
        return self.generic_visit(node)

    def visit_arg(self, node: ast.arg) -> ast.AST:
        node.annotation = None
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST | None:
        if node.value is None:
            return None
        return ast.Assign(targets=[node.target], value=self.visit(node.value))

    def visit_Delete(self, node: ast.Delete) -> ast.AST:
        """Treat `del (a, b)` as `del a, b`."""
        node.targets = [element for target in node.targets for element in getattr(target, "elts", [target])]
        return self.generic_visit(node)

    def visit_JoinedStr(self, node: ast.JoinedStr) -> ast.AST:
        """Join the literal parts of an f-string, which versions of Python split differently.

        An f-string without placeholders becomes a plain string.
        """
        parts: list[ast.expr] = []
        for part in node.values:
            previous = parts[-1] if parts else None
            if isinstance(part, ast.Constant) and isinstance(previous, ast.Constant):
                parts[-1] = ast.Constant(str(previous.value) + str(part.value))
            elif not isinstance(part, ast.Constant) or part.value:
                parts.append(part)
        if all(isinstance(part, ast.Constant) for part in parts):
            return parts[0] if parts else ast.Constant("")
        return self.generic_visit(ast.JoinedStr(parts))


def _used_imports(tree: ast.Module) -> Iterator[str]:
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    for node in tree.body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            source = f"{'.' * node.level}{node.module or ''}:" if isinstance(node, ast.ImportFrom) else ""
            for alias in node.names:
                name = alias.asname or (alias.name if source else alias.name.partition(".")[0])
                if name in used or name == "*":
                    yield f"import {source}{alias.name} as {name}"


def _serialize(value: Any) -> str:
    if isinstance(value, ast.AST):
        fields = [(name, field) for name, field in sorted(ast.iter_fields(value)) if name not in _WITHOUT_EFFECT]
        arguments = [f"{name}={_serialize(field)}" for name, field in fields if field is not None and field != []]
        return f"{type(value).__name__}({', '.join(arguments)})"
    if isinstance(value, list):
        return f"[{', '.join(map(_serialize, value))}]"
    if isinstance(value, str):
        value = _BLANKS_AT_LINE_ENDS.sub("", value)
    return ascii(value)


def seal_revisions(project: Project, history: History, *, open_revisions: Sequence[str] = ()) -> None:
    """Seal the revisions: write migrations/head, one line for each revision with the checksum of its file.

    The `open_revisions` are not sealed yet: their files may still change.
    """
    lines = [
        f"{revision.id} {OPEN if revision.id in open_revisions else compute_checksum(revision.file)}\n"
        for revision in history.revisions
    ]
    write_atomically(_file(project), _NOTE + "".join(lines))


def find_broken_seals(project: Project, history: History) -> list[Revision]:
    """Return the revisions whose files have changed since they were sealed."""
    seals = read_seals(project)
    return [
        revision
        for revision in history.revisions
        if seals.get(revision.id, OPEN) not in {OPEN, compute_checksum(revision.file)}
    ]


def find_missing_revisions(project: Project, history: History) -> list[str]:
    """Return the sealed revisions that have no file."""
    return sorted(read_seals(project).keys() - {revision.id for revision in history.revisions})


def read_head_file(project: Project) -> str | None:
    """Return the text of migrations/head, or None where the file does not exist."""
    try:
        return _file(project).read_bytes().decode("utf-8")
    except FileNotFoundError:
        return None


def restore_head_file(project: Project, text: str | None) -> None:
    """Write an earlier text of migrations/head back, if it has changed since."""
    if text is None:
        _file(project).unlink(missing_ok=True)
    elif read_head_file(project) != text:
        write_atomically(_file(project), text)


def read_seals(project: Project) -> dict[str, str]:
    """Read migrations/head: the checksum of each sealed revision.

    Raises:
        MergeConflictMarkers: the file has conflict markers of a merge.
    """
    try:
        text = _file(project).read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    if marker := _CONFLICT.search(text):
        raise MergeConflictMarkers("migrations/head", text.count("\n", 0, marker.start()) + 1)
    rows = (line.split() for line in text.splitlines() if not line.startswith("#"))
    return {fields[0]: fields[1] for fields in rows if len(fields) == 2}  # noqa: PLR2004 - a revision and its checksum


def _file(project: Project) -> Path:
    return find_script_directory(project) / "head"
