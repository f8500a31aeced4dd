"""Sequences that number rows: which columns share one, and where each stands after a load."""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from sqlalchemy import Column, Connection, Sequence, text

from seedbed.postgres.quoting import quote_identifier, compile_expression, quote_table
from seedbed.seeding.core.column_types import INTEGERS, kind_of

if TYPE_CHECKING:
    from seedbed.seeding.planning.seed_plan import SeedPlan

_NEXT = re.compile(r"^\s*nextval\s*\(\s*'(?P<name>(?:[^']|'')+)'\s*(?:::\s*(?:text|regclass)\s*)*\)\s*$", re.IGNORECASE)


def place_in_sequence(column: Column[Any]) -> tuple[int, int]:
    """A column's place among those that are numbered from its sequence, and how many these are.

    It depends on the schema alone, so a row keeps its number whichever tables are seeded and with however many rows.
    """
    name = _sequence_of(column)
    if name is None:
        return 0, 1
    sharing = [
        other
        for _, table in sorted(column.table.metadata.tables.items())
        for other in table.columns
        if _sequence_of(other) == name and kind_of(other).name in INTEGERS
    ]
    return sharing.index(column), len(sharing)


def sequences_advanced(connection: Connection, plan: "SeedPlan") -> list[str]:
    """Statements that put the sequences of loaded columns past the last number of every column that they number.

    COPY gives columns their values and leaves their sequences behind; the next insert would collide.
    """
    filled = [(quote_table(table.sql), name) for table in plan.tables if table.count for name in table.fillings]
    known = [
        (quote_table(table), str(column.name), name)
        for table in plan.schema.tables
        for column in table.columns
        if (name := _sequence_of(column)) is not None
    ]
    asked = {
        "tables": [table for table, _ in filled], "columns": [name for _, name in filled],
        "known_tables": [table for table, _, _ in known], "known_columns": [name for _, name, _ in known],
        "known": [name for _, _, name in known],
    }  # fmt: skip
    numbers: dict[int, list[str]] = {}
    for row in connection.execute(text(_USERS), asked):
        numbers.setdefault(row.sequence, []).append(f"SELECT {quote_identifier(row.name)} AS no FROM {row.table}")
    return [_advanced(sequence, " UNION ALL ".join(users)) for sequence, users in numbers.items()]


def _advanced(sequence: int, numbers: str) -> str:
    """A falling sequence is put below the numbers, and none beyond its own bounds."""
    return (
        "SELECT setval(seqrelid::regclass, CASE WHEN seqincrement > 0 THEN least(last, seqmax)"
        " ELSE greatest(first, seqmin) END)"
        f" FROM (SELECT max(no) AS last, min(no) AS first FROM ({numbers}) AS n) AS f, pg_sequence"
        f" WHERE seqrelid = {sequence}"
        " AND CASE WHEN seqincrement > 0 THEN last >= seqmin ELSE first <= seqmax END"
    )


def _sequence_of(column: Column[Any]) -> str | None:
    """The sequence that a model numbers a column from, quoted; None of one that is the column's alone."""
    found = list(_named(column))
    return None if not found else ".".join(quote_identifier(part) for part in found[0] if part and part != "public")


def _named(column: Column[Any]) -> Iterator[tuple[str, ...]]:
    argument = getattr(column.server_default, "arg", None)
    for default in (column.default, argument):
        sequence = getattr(default, "sequence", default)  # of Sequence.next_value()
        if isinstance(sequence, Sequence):
            yield (str(sequence.schema or ""), str(sequence.name))
    match = None if argument is None else _NEXT.match(compile_expression(argument))
    if match is not None:
        name = match["name"].replace("''", "'")
        yield tuple(part.replace('"', "") if '"' in part else part.lower() for part in name.rsplit(".", 1))


_USERS = """
    WITH known AS (
        SELECT to_regclass(name) AS relation, a.attnum, to_regclass(sequence) AS sequence
        FROM unnest(CAST(:known_tables AS text[]), CAST(:known_columns AS text[]), CAST(:known AS text[]))
             AS k (name, attribute, sequence)
        JOIN pg_attribute a ON a.attrelid = to_regclass(name) AND a.attname = attribute
    ), numbered AS (
        SELECT adrelid AS relation, adnum AS attnum, refobjid AS sequence
        FROM pg_attrdef f JOIN pg_depend d ON d.classid = 'pg_attrdef'::regclass AND d.objid = f.oid
        WHERE refclassid = 'pg_class'::regclass
        UNION
        SELECT refobjid, refobjsubid, objid FROM pg_depend
        WHERE classid = 'pg_class'::regclass AND refclassid = 'pg_class'::regclass AND deptype IN ('a', 'i')
        UNION
        SELECT relation, attnum, sequence FROM known
    ), users AS (
        SELECT n.relation, n.attnum, a.attname AS name, q.seqrelid AS sequence
        FROM numbered n JOIN pg_sequence q ON q.seqrelid = n.sequence
        JOIN pg_attribute a ON a.attrelid = n.relation AND a.attnum = n.attnum
        JOIN pg_type t ON t.oid = a.atttypid
        WHERE coalesce(nullif(t.typbasetype, 0), t.oid) IN (20, 21, 23)
    ), filled AS (
        SELECT to_regclass(name) AS relation, attribute
        FROM unnest(CAST(:tables AS text[]), CAST(:columns AS text[])) AS f (name, attribute)
    )
    SELECT CAST(u.sequence AS int8) AS sequence, CAST(CAST(u.relation AS regclass) AS text) AS "table", name
    FROM users u JOIN pg_class c ON c.oid = u.relation
    WHERE u.sequence IN (
              SELECT f.sequence FROM users f JOIN filled ON filled.relation = f.relation AND attribute = f.name
          )
      AND c.relkind IN ('r', 'p') AND has_column_privilege(u.relation, CAST(u.attnum AS int2), 'SELECT')
      AND has_sequence_privilege(u.sequence, 'UPDATE')
    ORDER BY 1, 2, 3
"""
"""Every column that a sequence of a filled one numbers: by its default, as its owner, or as a model says alone."""
