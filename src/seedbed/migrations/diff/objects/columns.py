"""Columns in SQL and in Alembic's words."""

import re

from seedbed.migrations.diff.statement import quote_python
from seedbed.migrations.diff.types.sqlalchemy_types import render_type
from seedbed.postgres.catalog.model import Column
from seedbed.postgres.quoting import quote_identifier

_IDENTITY = re.compile(r"start (-?\d+) increment (-?\d+) minimum (-?\d+) maximum (-?\d+) cache (\d+) cycle ([tf])")
_HIGHEST = {"smallint": 2**15 - 1, "integer": 2**31 - 1, "bigint": 2**63 - 1}


def render_column(column: Column, *, not_null: bool | None = None, default: str | None = None) -> str:
    """A column as CREATE TABLE and ADD COLUMN take it. `default` stands in for one that the column does not have."""
    parts = [quote_identifier(column.name), column.type]
    if column.collation:
        parts.append(f"COLLATE {column.collation}")
    if column.generated:
        parts.append(f"GENERATED ALWAYS AS ({_strip_parentheses(column.default)}) {column.generated.upper()}")
    elif column.identity:
        parts.append(f"GENERATED {column.identity.upper()} AS IDENTITY{render_identity_options(column)}")
    elif (default or column.default) is not None:
        parts.append(f"DEFAULT {default or column.default}")
    if _is_required(column) if not_null is None else not_null:
        parts.append("NOT NULL")
    return " ".join(parts)


def render_sqlalchemy_column(
    column: Column, *, not_null: bool | None = None, default: str | None = None, is_sole_primary_key: bool = False
) -> str | None:
    """The same as `sa.Column(...)`, or None where SQLAlchemy has no words for it."""
    kind = render_type(column.type)
    if kind is None or column.collation:
        return None
    parts = [quote_python(column.name), kind]
    if column.generated:
        parts.append(
            f"sa.Computed({quote_python(_strip_parentheses(column.default))}, persisted={column.generated == 'stored'})"
        )
    elif column.identity:
        options = parse_identity_options(column)
        shown = "".join(f", {option}={value!r}" for option, value in options.items())
        parts.append(f"sa.Identity(always={column.identity == 'always'}{shown})")
    elif (default or column.default) is not None:
        parts.append(f"server_default=sa.text({quote_python(escape_colons(default or column.default or ''))})")
    needed = _is_required(column) if not_null is None else not_null
    parts.append(f"nullable={not needed}")
    if is_sole_primary_key and not column.identity and column.default is None and column.type in _SERIAL_TYPES:
        parts.append("autoincrement=False")
    return f"sa.Column({', '.join(parts)})"


_SERIAL_TYPES = frozenset({"smallint", "integer", "bigint"})
"""Types for which SQLAlchemy would make a sequence of a lone primary key that has no default."""


def parse_identity_options(column: Column) -> dict[str, int | bool]:
    """The options of an identity column that are not what PostgreSQL would choose."""
    matched = _IDENTITY.fullmatch(column.identity_options or "")
    if matched is None:
        return {}
    start, increment, low, high, cache = (int(number) for number in matched.groups()[:5])
    ascending = increment > 0
    top = _HIGHEST.get(column.type, 2**63 - 1)
    usual_low, usual_high = (1, top) if ascending else (-top - 1, -1)
    options: dict[str, int | bool] = {}
    if start != (low if ascending else high):
        options["start"] = start
    if increment != 1:
        options["increment"] = increment
    if low != usual_low:
        options["minvalue"] = low
    if high != usual_high:
        options["maxvalue"] = high
    if cache != 1:
        options["cache"] = cache
    if matched[6] == "t":
        options["cycle"] = True
    return options


_IDENTITY_CLAUSES = {
    "start": "START",
    "increment": "INCREMENT",
    "minvalue": "MINVALUE",
    "maxvalue": "MAXVALUE",
    "cache": "CACHE",
}


def render_identity_options(column: Column) -> str:
    options = parse_identity_options(column)
    words = [f"{_IDENTITY_CLAUSES[option]} {value}" for option, value in options.items() if option in _IDENTITY_CLAUSES]
    words += ["CYCLE"] if options.get("cycle") else []
    return f" ({' '.join(words)})" if words else ""


def render_identity_changes(column: Column) -> str:
    """Every option of an identity column as SET clauses, so that what it was before does not matter."""
    matched = _IDENTITY.fullmatch(column.identity_options or "")
    if matched is None:
        return ""
    start, increment, low, high, cache, cycle = matched.groups()
    return (
        f"SET INCREMENT {increment} SET MINVALUE {low} SET MAXVALUE {high} SET START {start} SET CACHE {cache}"
        f" SET {'CYCLE' if cycle == 't' else 'NO CYCLE'}"
    )


def render_not_valid_not_null(column: Column) -> str:
    """NOT NULL for new rows alone, as ALTER TABLE takes it."""
    return f"ADD CONSTRAINT {quote_identifier(column.unvalidated_not_null or '')} NOT NULL {quote_identifier(column.name)} NOT VALID"


def _is_required(column: Column) -> bool:
    """Whether a column is made NOT NULL; one that is so for new rows alone becomes it afterwards."""
    return column.not_null and column.unvalidated_not_null is None


def _strip_parentheses(expression: str | None) -> str:
    """An expression without the parentheses that PostgreSQL prints round all of it."""
    text = expression or ""
    if text.startswith("(") and text.endswith(")"):
        depth = 0
        for position, letter in enumerate(text):
            depth += (letter == "(") - (letter == ")")
            if depth == 0 and position < len(text) - 1:
                return text
        return text[1:-1]
    return text


def escape_colons(expression: str) -> str:
    """A colon before a letter is a parameter to `sa.text`; a double one, a cast, is not."""
    return re.sub(r"(?<!:):(?=[A-Za-z_0-9])", r"\\:", expression)
