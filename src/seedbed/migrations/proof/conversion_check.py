"""A check of what conversions do to sample values, converted to the new type and back."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import psycopg2
from sqlalchemy import Connection

from seedbed.migrations.diff.statement import Loss, Statement
from seedbed.migrations.diff.types.conversion_rules import uses_column
from seedbed.migrations.proof.samples.conversion_values import list_samples, read_column_type
from seedbed.postgres.catalog.model import Column
from seedbed.postgres.quoting import ColumnName, quote_identifier, quote_literal

_EXAMPLES = 3
_LONGEST_EXAMPLE = 40
_EXPRESSION_ERRORS = "'42703', '42704', '42883', '42846', '42804', '42P01'"
"""SQLSTATEs of an expression that can never run, such as one that names other columns of its table."""
_EQUAL_BY_OPERATOR = frozenset({"numeric", "jsonb"})
"""Types that have several spellings of one value, such as 1.5 and 1.50."""


@dataclass(frozen=True)
class ColumnConversion:
    """A column that gets another type, with the expressions that convert its values up and down.

    `types` create the types that the new column needs and the database lacks. `checks` and `new_checks` are constraints
    on the column alone.
    """

    schema: str
    table: str
    old: Column
    new: Column
    up: str
    down: str
    types: tuple[Statement, ...] = ()
    checks: tuple[str, ...] = ()
    new_checks: tuple[str, ...] = ()

    @property
    def display_name(self) -> str:
        return f"{self.table}.{self.new.name}"


@dataclass(frozen=True)
class ValueChange:
    """A value that a conversion changes, as text: before, converted, and converted back."""

    value: str
    converted: str | None
    returned: str | None


@dataclass(frozen=True)
class ConversionReport:
    """The result for all conversions: losses that no step names, and examples of every loss.

    `convertible_values` are values of the old columns that survive up and down, and `revertible_values` values of the
    new columns that survive down and up; both only where other values do not.
    """

    losses: tuple[Loss, ...]
    downgrade_losses: tuple[Loss, ...]
    examples: tuple[str, ...]
    convertible_values: Mapping[ColumnName, list[str]]
    revertible_values: Mapping[ColumnName, list[str]]


def check_conversions(
    connection: Connection,
    conversions: Sequence[ColumnConversion],
    losses: Sequence[Loss],
    downgrade_losses: Sequence[Loss],
) -> ConversionReport:
    """Convert sample values of every column whose type changes, up and down, and of its new type, down and up.

    The database is left unchanged. A value that becomes another one is a loss; of the downgrade, if the new
    column still held it.
    """
    losses_up: list[Loss] = []
    losses_down: list[Loss] = []
    examples: list[str] = []
    convertible: dict[ColumnName, list[str]] = {}
    revertible: dict[ColumnName, list[str]] = {}
    for conversion in conversions:
        is_loss_known, is_downgrade_loss_known = (
            any((loss.schema, loss.table, loss.column) == _column_path(conversion, column) for loss in known_losses)
            for known_losses, column in ((losses, conversion.new), (downgrade_losses, conversion.old))
        )
        up = _check_direction(connection, conversion, down=False)
        down = _check_direction(connection, conversion, down=True)
        unconverted_changes = [change for change in up.changes if change.converted == change.value]
        conversion_changes = [change for change in up.changes if change.converted != change.value]
        downgrade_changes = [*unconverted_changes, *down.changes]
        if up.convertible_values:
            convertible[_column_path(conversion, conversion.old)] = up.convertible_values
        if down.convertible_values:
            revertible[_column_path(conversion, conversion.new)] = down.convertible_values
        if up.reshaped is not None:
            value, converted = up.reshaped
            examples.append(
                f"{conversion.display_name}: {_quote_example(value)} is converted to {_quote_example(converted)}"
            )
        for changes, is_known, new_losses, column, expression, source, prefix in (
            (conversion_changes, is_loss_known, losses_up, conversion.new, conversion.up, conversion.old, ""),
            (
                downgrade_changes,
                is_downgrade_loss_known,
                losses_down,
                conversion.old,
                conversion.down,
                conversion.new,
                "On downgrade, ",
            ),
        ):
            if not is_known and not uses_column(expression, source.name):
                new_losses.append(Loss(*_column_path(conversion, column), f"every value of {conversion.display_name}"))
            elif changes and not is_known:
                value, returned = _quote_example(changes[0].value), _quote_example(changes[0].returned)
                example = f"{value}, which becomes {returned}"
                new_losses.append(
                    Loss(*_column_path(conversion, column), f"values of {conversion.display_name} such as {example}")
                )
            examples += [
                f"{prefix}{conversion.display_name}: {_describe_change(change)}"
                for change in _pick_examples(changes)[:_EXAMPLES]
            ]
    return ConversionReport(
        tuple(losses_up), tuple(losses_down), tuple(dict.fromkeys(examples)), convertible, revertible
    )


def _column_path(conversion: ColumnConversion, column: Column) -> ColumnName:
    return (conversion.schema, conversion.table, column.name)


def _pick_examples(changes: Sequence[ValueChange]) -> list[ValueChange]:
    """The shortest changes, one of each form: all numbers count as one form, and so do all words."""
    by_form: dict[str, ValueChange] = {}
    for change in sorted(changes, key=lambda change: len(change.value)):
        by_form.setdefault(re.sub(r"\d+", "0", re.sub(r"[^\W\d]+", "a", change.value)), change)
    return list(by_form.values())


def _describe_change(change: ValueChange) -> str:
    return f"{_quote_example(change.value)} becomes {_quote_example(change.returned)}"


def _quote_example(value: str | None) -> str:
    if value is None:
        return "NULL"
    return quote_literal(value if len(value) <= _LONGEST_EXAMPLE else value[: _LONGEST_EXAMPLE - 1] + "…")


@dataclass(frozen=True)
class _Measurement:
    """The values that change, the values that can be converted if not all can, and, where an array, JSON or bits become
    something else, a value with its converted form.
    """

    changes: Sequence[ValueChange] = ()
    convertible_values: list[str] = field(default_factory=list)
    reshaped: tuple[str, str] | None = None


def _check_direction(connection: Connection, conversion: ColumnConversion, *, down: bool) -> _Measurement:
    """Convert values and convert them back; empty where the two types cannot exist at once."""
    forward = (conversion.old, conversion.up, conversion.checks)
    reverse = (conversion.new, conversion.down, conversion.new_checks)
    first, second = (reverse, forward) if down else (forward, reverse)
    cursor: Any = connection.connection.cursor()
    try:
        for step in conversion.types:
            cursor.execute(step.sql)
        for table, (column, _, checks) in (
            ("seedbed_first", first),
            ("seedbed_second", second),
            ("seedbed_third", first),
        ):
            collate = f" COLLATE {column.collation}" if column.collation else ""
            cursor.execute(
                f"CREATE TEMP TABLE {table} (seedbed_row int, {quote_identifier(column.name)} {column.type}{collate})"
            )
            for check in checks:
                cursor.execute(f"ALTER TABLE {table} ADD {check}")
        types = [read_column_type(cursor, table) for table in ("seedbed_first", "seedbed_second")]
        samples = list_samples(*types)
        _insert(cursor, first[0], samples)
        _convert(cursor, "seedbed_first", "seedbed_second", first[1])
        _convert(cursor, "seedbed_second", "seedbed_third", second[1])
        names = quote_identifier(first[0].name), quote_identifier(second[0].name)
        changes = _read_changes(cursor, *names, types[0].base in _EQUAL_BY_OPERATOR)
        reshaped = _find_reshaped(cursor, *names) if types[0].shape != types[1].shape else None
        return _Measurement(changes, [samples[row - 1] for row in _find_convertible_rows(cursor, names[0])], reshaped)
    except psycopg2.Error:
        return _Measurement()
    finally:
        cursor.close()
        connection.connection.rollback()


def _insert(cursor: Any, column: Column, values: Sequence[str]) -> None:
    """Insert those values that are valid for the column's type."""
    cursor.execute(
        "DO $seedbed$ DECLARE value text; row int := 0; BEGIN\n"
        "FOREACH value IN ARRAY %s::text[] LOOP\nrow := row + 1;\n"
        f"BEGIN INSERT INTO seedbed_first VALUES (row, value::{column.type});\n"
        "EXCEPTION WHEN OTHERS THEN NULL; END;\nEND LOOP; END $seedbed$",
        (list(values),),
    )


def _convert(cursor: Any, source: str, target: str, expression: str) -> None:
    """Convert each value separately, by assignment. A value that fails is left out: it stops a revision."""
    cursor.execute(
        "DO $seedbed$ DECLARE r int; BEGIN\n"
        f"FOR r IN SELECT seedbed_row FROM {source} LOOP\n"
        f"BEGIN INSERT INTO {target} SELECT seedbed_row, {expression} FROM {source} WHERE seedbed_row = r;\n"
        f"EXCEPTION WHEN OTHERS THEN IF SQLSTATE IN ({_EXPRESSION_ERRORS}) THEN RAISE; END IF; END;\n"
        "END LOOP; END $seedbed$"
    )


def _read_changes(cursor: Any, column: str, other_column: str, by_operator: bool) -> list[ValueChange]:
    cast = "" if by_operator else "::text"
    cursor.execute(
        f"SELECT one.{column}::text, other.{other_column}::text, back.{column}::text"
        " FROM seedbed_first one JOIN seedbed_second other USING (seedbed_row)"
        " JOIN seedbed_third back USING (seedbed_row)"
        f" WHERE one.{column}{cast} IS DISTINCT FROM back.{column}{cast} ORDER BY seedbed_row"
    )
    return [ValueChange(*row) for row in cursor.fetchall()]


def _find_reshaped(cursor: Any, column: str, other_column: str) -> tuple[str, str] | None:
    cursor.execute(
        f"SELECT one.{column}::text, other.{other_column}::text"
        " FROM seedbed_first one JOIN seedbed_second other USING (seedbed_row)"
        f" WHERE one.{column}::text <> other.{other_column}::text AND one.{column}::text <> ''"
        " ORDER BY seedbed_row LIMIT 1"
    )
    row = cursor.fetchone()
    return None if row is None else (str(row[0]), str(row[1]))


def _find_convertible_rows(cursor: Any, column: str) -> list[int]:
    """The rows that were converted and back, if not all were. Unchanged ones are preferred, since others may become
    equal and violate a unique key.
    """
    cursor.execute(
        f"SELECT seedbed_row, one.{column}::text IS NOT DISTINCT FROM back.{column}::text"
        " FROM seedbed_first one JOIN seedbed_third back USING (seedbed_row) ORDER BY seedbed_row"
    )
    rows = cursor.fetchall()
    cursor.execute("SELECT count(*) FROM seedbed_first")
    if cursor.fetchone()[0] == len(rows):
        return []
    return [row for row, same in rows if same] or [row for row, _ in rows]
