"""A schema drawn: its tables and what refers to what, as Mermaid's text or as an SVG."""

from collections.abc import Sequence
from html import escape

from seedbed.schema.table_description import ColumnDescription, TableDescription

_LINE, _PAD, _GAP, _BETWEEN = 20, 12, 70, 28
_LETTER = 7.3
"""The width of a letter of the font, in pixels of its size of 12: monospace letters are 0.6 of it."""

_STYLE = (
    "text{font:12px ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;fill:#1f2328}"
    ".name{font-weight:700;fill:#fff}.kind{fill:#656d76}.box{fill:#fff;stroke:#8c959f}.head{fill:#2f6f4f}"
    ".way{fill:none;stroke:#8c959f;stroke-width:1.5}"
)


def draw_mermaid(tables: Sequence[TableDescription]) -> str:
    """The schema as an `erDiagram`, which GitHub and most documentation tools draw."""
    lines = ["erDiagram"]
    for table in tables:
        lines.append(f"    {_word(table.name)} {{")
        lines += [f"        {_word(c.type)} {_word(c.name)}{_marks(c)}" for c in table.columns]
        lines.append("    }")
    for table in tables:
        for column in table.columns:
            if column.references is not None:
                parent = column.references.rpartition(".")[0]
                many = "o|" if column.unique else "o{"
                one = "|o" if column.nullable else "||"
                lines.append(f"    {_word(parent)} {one}--{many} {_word(table.name)} : {_word(column.name)}")
    return "\n".join(lines) + "\n"


def draw_svg(tables: Sequence[TableDescription]) -> str:
    """The schema as an SVG of its own, drawn here: parents on the left, children to the right of them.

    It holds no script and asks for nothing from elsewhere, and the same schema gives the same bytes.
    """
    levels = _levels(tables)
    widths = {table.name: _width(table) for table in tables}
    places: dict[str, tuple[float, float]] = {}
    left = bottom = float(_PAD)
    for level in levels:
        top = float(_PAD)
        for table in level:
            places[table.name] = (left, top)
            top += _height(table) + _BETWEEN
        bottom = max(bottom, top - _BETWEEN)
        left += max(widths[table.name] for table in level) + _GAP
    parts = [_way(table, column, tables, places, widths) for table in tables for column in table.columns]
    parts += [_box(table, places[table.name], widths[table.name]) for table in tables]
    size = f'width="{left - _GAP + _PAD:.0f}" height="{bottom + _PAD:.0f}"'
    body = "\n".join(part for part in parts if part)
    title = f"<title>{len(tables)} tables: {escape(', '.join(table.name for table in tables))}</title>"
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img">\n{title}\n<style>{_STYLE}</style>'
    return f"{head}\n{body}\n</svg>\n"


def _levels(tables: Sequence[TableDescription]) -> list[list[TableDescription]]:
    """Tables by how many parents stand above them; those of a cycle come as they are given."""
    level: dict[str, int] = {}
    for table in tables:
        parents = [c.references.rpartition(".")[0] for c in table.columns if c.references is not None]
        level[table.name] = max((level[parent] + 1 for parent in parents if parent in level), default=0)
    return [[t for t in tables if level[t.name] == number] for number in range(max(level.values(), default=-1) + 1)]


def _width(table: TableDescription) -> float:
    names = max(len(column.name) for column in table.columns) if table.columns else 0
    rest = max((len(_shown_type(column)) for column in table.columns), default=0)
    return max(names + rest + 2, len(table.name)) * _LETTER + 2 * _PAD


def _height(table: TableDescription) -> float:
    return (len(table.columns) + 1) * _LINE + _PAD / 2


def _box(table: TableDescription, place: tuple[float, float], width: float) -> str:
    x, y = place
    names = max((len(column.name) for column in table.columns), default=0)
    lines = [
        f'<rect class="box" x="{x:.0f}" y="{y:.0f}" width="{width:.0f}" height="{_height(table):.0f}" rx="4"/>',
        f'<rect class="head" x="{x:.0f}" y="{y:.0f}" width="{width:.0f}" height="{_LINE}" rx="4"/>',
        f'<text class="name" x="{x + _PAD:.0f}" y="{y + 14:.0f}">{escape(table.name)}</text>',
    ]
    for number, column in enumerate(table.columns, 1):
        line = y + number * _LINE + 16
        kind = x + _PAD + (names + 2) * _LETTER
        lines.append(f'<text x="{x + _PAD:.0f}" y="{line:.0f}">{escape(column.name)}</text>')
        lines.append(f'<text class="kind" x="{kind:.0f}" y="{line:.0f}">{escape(_shown_type(column))}</text>')
    return "\n".join(lines)


def _way(
    table: TableDescription,
    column: ColumnDescription,
    tables: Sequence[TableDescription],
    places: dict[str, tuple[float, float]],
    widths: dict[str, float],
) -> str:
    if column.references is None:
        return ""
    name, _, key = column.references.rpartition(".")
    parent = next((one for one in tables if one.name == name), None)
    if parent is None:
        return ""
    start = _row(parent, key, places)
    end = _row(table, column.name, places)
    x, to = places[name][0] + widths[name], places[table.name][0]
    bend = (x + to) / 2
    if to < x:  # a cycle, or a table's reference to itself, goes round on the right
        to = places[table.name][0] + widths[table.name]
        bend = max(x, to) + _GAP / 2
    curve = f"M{x:.0f} {start:.0f}C{bend:.0f} {start:.0f} {bend:.0f} {end:.0f} {to:.0f} {end:.0f}"
    return f'<path class="way" d="{curve}"/>'


def _row(table: TableDescription, column: str, places: dict[str, tuple[float, float]]) -> float:
    number = next((n for n, one in enumerate(table.columns, 1) if one.name == column), 1)
    return places[table.name][1] + number * _LINE + 12


def _shown_type(column: ColumnDescription) -> str:
    marks = [word for word, holds in (("key", column.primary_key), ("unique", column.unique)) if holds]
    return " ".join([column.type, *marks, *(["?"] if column.nullable else [])])


def _marks(column: ColumnDescription) -> str:
    marks = [m for m, holds in (("PK", column.primary_key), ("FK", column.references), ("UK", column.unique)) if holds]
    said = f' "{"may be NULL"}"' if column.nullable else ""
    return (f" {', '.join(marks)}" if marks else "") + said


def _word(text: str) -> str:
    """What Mermaid takes as a word; it begins with a letter or an underscore."""
    word = "".join(letter if letter.isalnum() or letter == "_" else "_" for letter in text).strip("_") or "_"
    return f"_{word}" if word[0].isdigit() else word
