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


def compute_digest(lock: Lock, tables: Sequence[TablePlan]) -> str:
    """A digest that is the same on every machine and in every version of Python."""
    descriptions = [
        [
            table.name,
            table.count,
            _describe_rows_per_parent(table),
            [
                [f.name, f.description, _describe_rule(table, table.rules.get(f.name))]
                for f in table.generators.values()
            ],
            [
                str(column_type) + str(column_type.size) + str(column_type.scale)
                for column_type in table.column_types.values()
            ],
            [[check.name, check.sql] for check in table.checks],
            _format_value(table.request.explicit_rows),
            *_describe_constraints(table),
        ]
        for table in tables
    ]
    lock_values = [lock.engine, lock.seed, lock.as_of.isoformat()]
    return sha256(json.dumps([lock_values, descriptions]).encode()).hexdigest()[:16]


def _describe_rows_per_parent(table: TablePlan) -> list[Any] | None:
    share = table.rows_per_parent
    if share is None:
        return None
    exponent = [] if share.exponent is None else [share.exponent]
    return [share.parent, share.low, share.high, *exponent]


def _describe_rule(table: TablePlan, rule: Rule | None) -> str:
    """A rule's identity, with the source of the functions it calls and the content of the files it reads."""
    match rule:
        case None:
            return "None"
        case Derived():
            return " ".join(_read_function_source(rule.function, table.root, set()))
        case FromFile():
            try:
                content_digest = blake2b((table.root / rule.path).read_bytes(), digest_size=8).hexdigest()
            except OSError:
                content_digest = ""
            return f"{rule.identity} {content_digest}"
        case FakerValues() if table.request.providers:
            return " ".join([_remove_addresses(rule.identity), *map(_read_class_source, table.request.providers)])
    return _remove_addresses(rule.identity)


def _describe_constraints(table: TablePlan) -> Iterator[Any]:
    """What models and types state beyond the descriptions of the generators."""
    for name in table.generators:
        column_type, constraints = table.column_types[name], table.value_constraints[name]
        stated = [
            [label, _format_value(value)]
            for label, value, *defaults in (
                ("values", constraints.values, None),
                ("low", constraints.low, None),
                ("high", constraints.high, None),
                ("step", constraints.step, None),
                ("shortest", constraints.shortest, None, 0),
                ("longest", constraints.longest, None, column_type.size),
                ("pattern", constraints.pattern, None),
            )
            if value not in defaults
        ]
        if column_type.labels:
            stated.append(["labels", _format_value(column_type.labels)])
        if column_type.name in {"json", "jsonb"} and constraints.annotation not in {None, Any, dict, list}:
            stated.append(["model", _describe_model(constraints.annotation)])
        if stated:
            yield [name, stated]


def _describe_model(annotation: Any) -> str:
    try:
        return json.dumps(TypeAdapter(annotation).json_schema(), sort_keys=True, default=str)
    except (PydanticUserError, ValueError, TypeError):
        return _format_value(annotation)


def _format_value(value: Any) -> str:
    """A value's repr without memory addresses."""
    return _remove_addresses(repr(value))


def _remove_addresses(shown: str) -> str:
    return _ADDRESS.sub("", shown)


def _read_class_source(provider: type) -> str:
    try:
        return " ".join(inspect.getsource(provider).split())
    except (OSError, TypeError):
        return f"{provider.__module__}.{provider.__qualname__}"


def _read_function_source(function: Callable[..., Any], root: Path, seen: set[CodeType]) -> Iterator[str]:
    """The source of a function and of what it uses: plain values and functions of the project."""
    code = getattr(function, "__code__", None)
    file = Path(code.co_filename) if isinstance(code, CodeType) else root.parent
    if not isinstance(code, CodeType) or not file.is_relative_to(root):
        yield f"{getattr(function, '__module__', '')}.{getattr(function, '__qualname__', _format_value(function))}"
        return
    if code in seen:
        return
    seen.add(code)
    yield from _find_source(code, file)
    cells = zip(code.co_freevars, getattr(function, "__closure__", None) or (), strict=True)
    used = {name: cell.cell_contents for name, cell in cells}
    known = getattr(function, "__globals__", {})
    used |= {name: known[name] for name in _find_names(code) if name in known}
    for name, value in sorted(used.items()):
        if inspect.isfunction(value):
            yield from _read_function_source(value, root, seen)
        elif _is_plain(value):
            yield f"{name}={_format_value(value)}"


def _find_source(code: CodeType, file: Path) -> Iterator[str]:
    text = _blank_comments(file)
    for node in ast.walk(ast.parse(text)):
        match node:
            case ast.Lambda() | ast.FunctionDef():
                first = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", ()))])
                if first == code.co_firstlineno:
                    yield " ".join((ast.get_source_segment(text, node) or "").split())


def _blank_comments(file: Path) -> str:
    """The text of a file with its comments blanked."""
    with tokenize.open(file) as source:
        lines = source.readlines()
    for token in tokenize.generate_tokens(iter(lines).__next__):
        if token.type == tokenize.COMMENT:
            row, column = token.start
            lines[row - 1] = lines[row - 1][:column] + " " * len(token.string) + "\n"
    return "".join(lines)


def _find_names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield from _find_names(inner)


def _is_plain(value: Any) -> bool:
    match value:
        case list() | tuple():
            return all(map(_is_plain, value))
        case dict():
            return all(map(_is_plain, [*value, *value.values()]))
    return isinstance(value, _PLAIN)
