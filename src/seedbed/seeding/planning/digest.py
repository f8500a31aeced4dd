"""A digest of everything that determines the rows of a plan."""

import ast
import inspect
import json
import re
import tokenize
from collections.abc import Callable, Iterator, Sequence
from hashlib import blake2b, sha256
from pathlib import Path
from types import CodeType
from typing import Any

from pydantic import TypeAdapter
from pydantic.errors import PydanticUserError

from seedbed.seeding.api.rules import Derived, FakerValues, FromFile, Rule
from seedbed.seeding.planning.lock_file import Lock
from seedbed.seeding.planning.table_plan import TablePlan

_ADDRESS = re.compile(r" at 0x[0-9a-f]+")
_PLAIN = (str, bytes, int, float, bool, type(None))


def content(lock: Lock, tables: Sequence[TablePlan]) -> str:
    """A digest that is the same on every machine and in every version of Python."""
    said = [
        [
            table.name,
            table.count,
            _share(table),
            [[f.name, f.description, _ruled(table, table.rules.get(f.name))] for f in table.generators.values()],
            [
                str(column_type) + str(column_type.size) + str(column_type.scale)
                for column_type in table.column_types.values()
            ],
            [[check.name, check.sql] for check in table.checks],
            _shown(table.request.explicit_rows),
            *_more(table),
        ]
        for table in tables
    ]
    locked = [lock.engine, lock.seed, lock.as_of.isoformat()]
    return sha256(json.dumps([locked, said]).encode()).hexdigest()[:16]


def _share(table: TablePlan) -> list[Any] | None:
    share = table.rows_per_parent
    if share is None:
        return None
    exponent = [] if share.exponent is None else [share.exponent]
    return [share.parent, share.low, share.high, *exponent]


def _ruled(table: TablePlan, rule: Rule | None) -> str:
    """A rule's identity, with the source of the functions it calls and the content of the files it reads."""
    match rule:
        case None:
            return "None"
        case Derived():
            return " ".join(_words(rule.function, table.root, set()))
        case FromFile():
            try:
                held = blake2b((table.root / rule.path).read_bytes(), digest_size=8).hexdigest()
            except OSError:
                held = ""
            return f"{rule.identity} {held}"
        case FakerValues() if table.request.providers:
            return " ".join([_without_address(rule.identity), *map(_class, table.request.providers)])
    return _without_address(rule.identity)


def _more(table: TablePlan) -> Iterator[Any]:
    """What models and types state beyond the descriptions of the generators."""
    for name in table.generators:
        column_type, constraints = table.column_types[name], table.value_constraints[name]
        said = [
            [word, _shown(value)]
            for word, value, *unsaid in (
                ("values", constraints.values, None),
                ("low", constraints.low, None),
                ("high", constraints.high, None),
                ("step", constraints.step, None),
                ("shortest", constraints.shortest, None, 0),
                ("longest", constraints.longest, None, column_type.size),
                ("pattern", constraints.pattern, None),
            )
            if value not in unsaid
        ]
        if column_type.labels:
            said.append(["labels", _shown(column_type.labels)])
        if column_type.name in {"json", "jsonb"} and constraints.annotation not in {None, Any, dict, list}:
            said.append(["model", _schema(constraints.annotation)])
        if said:
            yield [name, said]


def _schema(annotation: Any) -> str:
    try:
        return json.dumps(TypeAdapter(annotation).json_schema(), sort_keys=True, default=str)
    except (PydanticUserError, ValueError, TypeError):
        return _shown(annotation)


def _shown(value: Any) -> str:
    """A value's repr without memory addresses."""
    return _without_address(repr(value))


def _without_address(shown: str) -> str:
    return _ADDRESS.sub("", shown)


def _class(provider: type) -> str:
    try:
        return " ".join(inspect.getsource(provider).split())
    except (OSError, TypeError):
        return f"{provider.__module__}.{provider.__qualname__}"


def _words(function: Callable[..., Any], root: Path, seen: set[CodeType]) -> Iterator[str]:
    """The source of a function and of what it uses: plain values and functions of the project."""
    code = getattr(function, "__code__", None)
    file = Path(code.co_filename) if isinstance(code, CodeType) else root.parent
    if not isinstance(code, CodeType) or not file.is_relative_to(root):
        yield f"{getattr(function, '__module__', '')}.{getattr(function, '__qualname__', _shown(function))}"
        return
    if code in seen:
        return
    seen.add(code)
    yield from _written(code, file)
    cells = zip(code.co_freevars, getattr(function, "__closure__", None) or (), strict=True)
    used = {name: cell.cell_contents for name, cell in cells}
    known = getattr(function, "__globals__", {})
    used |= {name: known[name] for name in _names(code) if name in known}
    for name, value in sorted(used.items()):
        if inspect.isfunction(value):
            yield from _words(value, root, seen)
        elif _is_plain(value):
            yield f"{name}={_shown(value)}"


def _written(code: CodeType, file: Path) -> Iterator[str]:
    text = _without_comments(file)
    for node in ast.walk(ast.parse(text)):
        match node:
            case ast.Lambda() | ast.FunctionDef():
                first = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", ()))])
                if first == code.co_firstlineno:
                    yield " ".join((ast.get_source_segment(text, node) or "").split())


def _without_comments(file: Path) -> str:
    """The text of a file with its comments blanked."""
    with tokenize.open(file) as source:
        lines = source.readlines()
    for token in tokenize.generate_tokens(iter(lines).__next__):
        if token.type == tokenize.COMMENT:
            row, column = token.start
            lines[row - 1] = lines[row - 1][:column] + " " * len(token.string) + "\n"
    return "".join(lines)


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield from _names(inner)


def _is_plain(value: Any) -> bool:
    match value:
        case list() | tuple():
            return all(map(_is_plain, value))
        case dict():
            return all(map(_is_plain, [*value, *value.values()]))
    return isinstance(value, _PLAIN)
