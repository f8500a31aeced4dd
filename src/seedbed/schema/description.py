"""Describe the tables of a schema: as data for a list, or as a diagram in Mermaid or SVG."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from sqlalchemy import CheckConstraint, Column, Table, UniqueConstraint

from seedbed.postgres.quoting import DIALECT, compile_expression
from seedbed.schema.loader import Schema

_LINE_HEIGHT, _PADDING, _COLUMN_GAP, _TABLE_GAP = 20, 12, 70, 28
_LETTER_WIDTH = 7.3
"""The width of a letter in pixels. A letter of a monospace font is 0.6 times its size, which is 12."""

_STYLE = (
    "text{font:12px ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;fill:#1f2328}"
    ".name{font-weight:700;fill:#fff}.kind{fill:#656d76}.box{fill:#fff;stroke:#8c959f}.head{fill:#2f6f4f}"
    ".way{fill:none;stroke:#8c959f;stroke-width:1.5}"
)


@dataclass(frozen=True)
class ColumnDescription:
    """A column. `references` is the target of its foreign key, as `user.id`."""

    name: str
    type: str
    nullable: bool
    primary_key: bool
    unique: bool
    default: str | None
    references: str | None


@dataclass(frozen=True)
class TableDescription:
    """A table. `constraints` are those over several columns; `model` is the name of the mapped class, if any."""

    name: str
    model: str | None
    columns: tuple[ColumnDescription, ...]
    constraints: tuple[str, ...]


def describe_tables(schema: Schema) -> list[TableDescription]:
    """Return the description of every table, parents first."""
    return [
        TableDescription(
            table.key,
            schema.classes[table.key].__name__ if table.key in schema.classes else None,
            tuple(map(_describe_column, table.columns)),
            tuple(sorted(_describe_constraints(table))),
        )
        for table in schema.tables
    ]


def _describe_column(column: Column[Any]) -> ColumnDescription:
    targets = sorted(key.target_fullname for key in column.foreign_keys)
    return ColumnDescription(
        name=str(column.name),
        type=column.type.compile(DIALECT).lower(),
        nullable=bool(column.nullable),
        primary_key=column.primary_key,
        unique=(str(column.name),) in _find_unique_columns(column.table),
        default=_describe_default(column),
        references=targets[0] if targets else None,
    )


def _describe_default(column: Column[Any]) -> str | None:
    if column.identity is not None:
        return "identity"
    if column.computed is not None:
        return f"generated: {compile_expression(column.computed.sqltext)}"
    argument = getattr(column.server_default, "arg", None)
    return None if argument is None else compile_expression(argument)


def _find_unique_columns(table: Any) -> list[tuple[str, ...]]:
    constraint_columns = [
        tuple(column.name for column in constraint.columns)
        for constraint in table.constraints
        if isinstance(constraint, UniqueConstraint)
    ]
    unique_indexes = [
        index for index in table.indexes if index.unique and index.dialect_options["postgresql"].get("where") is None
    ]
    return constraint_columns + [tuple(column.name for column in index.columns) for index in unique_indexes]


def _describe_constraints(table: Table) -> Iterator[str]:
    for columns in _find_unique_columns(table):
        if len(columns) > 1:
            yield f"unique ({', '.join(columns)})"
    for constraint in table.constraints:
        if isinstance(constraint, CheckConstraint):
            yield f"check {compile_expression(constraint.sqltext) or constraint.name}"


def draw_mermaid(tables: Sequence[TableDescription]) -> str:
    """Return the schema as a Mermaid `erDiagram`, which GitHub and most documentation tools render."""
    lines = ["erDiagram"]
    for table in tables:
        lines.append(f"    {_make_identifier(table.name)} {{")
        lines += [
            f"        {_make_identifier(column.type)} {_make_identifier(column.name)}{_format_keys(column)}"
            for column in table.columns
        ]
        lines.append("    }")
    for table in tables:
        for column in table.columns:
            if column.references is not None:
                parent = column.references.rpartition(".")[0]
                child_end = "o|" if column.unique else "o{"
                parent_end = "|o" if column.nullable else "||"
                names = [_make_identifier(name) for name in (parent, table.name, column.name)]
                lines.append(f"    {names[0]} {parent_end}--{child_end} {names[1]} : {names[2]}")
    return "\n".join(lines) + "\n"


def draw_svg(tables: Sequence[TableDescription]) -> str:
    """Return the schema as an SVG: parents on the left, children to the right of them.

    The SVG contains no scripts and no external resources. The same schema gives the same bytes.
    """
    levels = _group_by_depth(tables)
    widths = {table.name: _measure_width(table) for table in tables}
    positions: dict[str, tuple[float, float]] = {}
    left = bottom = float(_PADDING)
    for level in levels:
        top = float(_PADDING)
        for table in level:
            positions[table.name] = (left, top)
            top += _measure_height(table) + _TABLE_GAP
        bottom = max(bottom, top - _TABLE_GAP)
        left += max(widths[table.name] for table in level) + _COLUMN_GAP
    elements = [
        _draw_reference(table, column, tables, positions, widths) for table in tables for column in table.columns
    ]
    elements += [_draw_table(table, positions[table.name], widths[table.name]) for table in tables]
    size = f'width="{left - _COLUMN_GAP + _PADDING:.0f}" height="{bottom + _PADDING:.0f}"'
    body = "\n".join(element for element in elements if element)
    title = f"<title>{len(tables)} tables: {escape(', '.join(table.name for table in tables))}</title>"
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img">\n{title}\n<style>{_STYLE}</style>'
    return f"{head}\n{body}\n</svg>\n"


def _group_by_depth(tables: Sequence[TableDescription]) -> list[list[TableDescription]]:
    """Group tables by their depth below their parents. Tables in a cycle keep their order."""
    depth: dict[str, int] = {}
    for table in tables:
        parents = [column.references.rpartition(".")[0] for column in table.columns if column.references is not None]
        depth[table.name] = max((depth[parent] + 1 for parent in parents if parent in depth), default=0)
    return [
        [table for table in tables if depth[table.name] == number]
        for number in range(max(depth.values(), default=-1) + 1)
    ]


def _measure_width(table: TableDescription) -> float:
    name_width = max(len(column.name) for column in table.columns) if table.columns else 0
    type_width = max((len(_format_type(column)) for column in table.columns), default=0)
    return max(name_width + type_width + 2, len(table.name)) * _LETTER_WIDTH + 2 * _PADDING


def _measure_height(table: TableDescription) -> float:
    return (len(table.columns) + 1) * _LINE_HEIGHT + _PADDING / 2


def _draw_table(table: TableDescription, position: tuple[float, float], width: float) -> str:
    x, y = position
    name_width = max((len(column.name) for column in table.columns), default=0)
    lines = [
        f'<rect class="box" x="{x:.0f}" y="{y:.0f}" width="{width:.0f}" height="{_measure_height(table):.0f}" rx="4"/>',
        f'<rect class="head" x="{x:.0f}" y="{y:.0f}" width="{width:.0f}" height="{_LINE_HEIGHT}" rx="4"/>',
        f'<text class="name" x="{x + _PADDING:.0f}" y="{y + 14:.0f}">{escape(table.name)}</text>',
    ]
    for row, column in enumerate(table.columns, 1):
        line = y + row * _LINE_HEIGHT + 16
        type_x = x + _PADDING + (name_width + 2) * _LETTER_WIDTH
        lines.append(f'<text x="{x + _PADDING:.0f}" y="{line:.0f}">{escape(column.name)}</text>')
        lines.append(f'<text class="kind" x="{type_x:.0f}" y="{line:.0f}">{escape(_format_type(column))}</text>')
    return "\n".join(lines)


def _draw_reference(
    table: TableDescription,
    column: ColumnDescription,
    tables: Sequence[TableDescription],
    positions: dict[str, tuple[float, float]],
    widths: dict[str, float],
) -> str:
    if column.references is None:
        return ""
    name, _, key = column.references.rpartition(".")
    parent = next((candidate for candidate in tables if candidate.name == name), None)
    if parent is None:
        return ""
    start = _find_row_y(parent, key, positions)
    end = _find_row_y(table, column.name, positions)
    x, to = positions[name][0] + widths[name], positions[table.name][0]
    bend = (x + to) / 2
    if to < x:  # a cycle, or a reference of a table to itself, is drawn around the right side
        to = positions[table.name][0] + widths[table.name]
        bend = max(x, to) + _COLUMN_GAP / 2
    curve = f"M{x:.0f} {start:.0f}C{bend:.0f} {start:.0f} {bend:.0f} {end:.0f} {to:.0f} {end:.0f}"
    return f'<path class="way" d="{curve}"/>'


def _find_row_y(table: TableDescription, column: str, positions: dict[str, tuple[float, float]]) -> float:
    number = next((index for index, candidate in enumerate(table.columns, 1) if candidate.name == column), 1)
    return positions[table.name][1] + number * _LINE_HEIGHT + 12


def _format_type(column: ColumnDescription) -> str:
    attributes = [
        attribute for attribute, applies in (("key", column.primary_key), ("unique", column.unique)) if applies
    ]
    return " ".join([column.type, *attributes, *(["?"] if column.nullable else [])])


def _format_keys(column: ColumnDescription) -> str:
    keys = [
        key
        for key, applies in (("PK", column.primary_key), ("FK", column.references), ("UK", column.unique))
        if applies
    ]
    comment = f' "{"may be NULL"}"' if column.nullable else ""
    return (f" {', '.join(keys)}" if keys else "") + comment


def _make_identifier(text: str) -> str:
    """Return an identifier that Mermaid accepts: it starts with a letter or an underscore."""
    identifier = (
        "".join(character if character.isalnum() or character == "_" else "_" for character in text).strip("_") or "_"
    )
    return f"_{identifier}" if identifier[0].isdigit() else identifier
