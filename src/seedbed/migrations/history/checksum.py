"""The checksum of what a revision's file does, which no formatter changes."""

import ast
import re
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

_BLANKS_AT_LINE_ENDS = re.compile(r"[ \t]+(?=\n)")
_WITHOUT_EFFECT = frozenset({"ctx", "kind", "type_comment", "type_ignores", "type_params"})
"""Fields of a syntax tree that change nothing about what runs."""


def compute_checksum(file: Path) -> str:
    """Return the checksum of what a revision does: of its syntax tree, without what has no effect.

    Comments, docstrings, annotations, quotes, line breaks, parentheses, the order of imports and unused imports do not
    count, nor do blanks at the end of a line. So black, ruff, isort and pyupgrade leave it alone. The tree is written
    out here, since what `ast.dump` and `ast.unparse` print differs between versions of Python.

    Raises:
        SyntaxError: the file is no Python; Alembic could not have run it.
    """
    tree = _Reduction().visit(ast.parse(file.read_bytes(), str(file)))
    statements = [node for node in tree.body if not isinstance(node, ast.Import | ast.ImportFrom)]
    lines = [*sorted(_used_imports(tree)), *map(_written, statements)]
    return sha256("\n".join(lines).encode()).hexdigest()[:16]


class _Reduction(ast.NodeTransformer):
    """Takes out of a tree what has no effect, and brings what is equal to one form."""

    def visit_Pass(self, _node: ast.Pass) -> None:
        return None

    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
        return None if isinstance(node.value, ast.Constant) else self.generic_visit(node)

    def visit_Return(self, node: ast.Return) -> ast.AST:
        nothing = isinstance(node.value, ast.Constant) and node.value.value is None
        return ast.Return(None) if nothing else self.generic_visit(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        """Annotations in a class may say what its attributes are."""
        annotated = {id(one): one for one in node.body if isinstance(one, ast.AnnAssign)}
        node.body = [one if id(one) in annotated else self.visit(one) for one in node.body]
        node.body = [one for one in node.body if one is not None]
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
        """`del (a, b)` is `del a, b`."""
        node.targets = [one for target in node.targets for one in getattr(target, "elts", [target])]
        return self.generic_visit(node)

    def visit_JoinedStr(self, node: ast.JoinedStr) -> ast.AST:
        """An f-string's literal parts are cut differently by versions of Python; one without a value is plain text."""
        parts: list[ast.expr] = []
        for part in node.values:
            before = parts[-1] if parts else None
            if isinstance(part, ast.Constant) and isinstance(before, ast.Constant):
                parts[-1] = ast.Constant(str(before.value) + str(part.value))
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


def _written(value: Any) -> str:
    if isinstance(value, ast.AST):
        fields = [(name, one) for name, one in sorted(ast.iter_fields(value)) if name not in _WITHOUT_EFFECT]
        said = [f"{name}={_written(one)}" for name, one in fields if one is not None and one != []]
        return f"{type(value).__name__}({', '.join(said)})"
    if isinstance(value, list):
        return f"[{', '.join(map(_written, value))}]"
    if isinstance(value, str):
        value = _BLANKS_AT_LINE_ENDS.sub("", value)
    return ascii(value)
