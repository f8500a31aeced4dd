"""Sequences of the loaded columns."""

from sqlalchemy import Connection, text

from seedbed.postgres.quoting import quote_identifier, quote_table
from seedbed.seeding.analysis.sequences import find_sequence
from seedbed.seeding.planning.seed_plan import SeedPlan


def build_setval_statements(connection: Connection, plan: SeedPlan) -> list[str]:
    """Build the statements that advance the sequences of loaded columns past every value in use.

    COPY inserts values and does not advance sequences, so the next insert would violate the primary key. A sequence can
    serve several columns, so the statements read all of them.
    """
    filled = [(quote_table(table.sql), name) for table in plan.tables if table.count for name in table.generators]
    model_sequences = [
        (quote_table(table), str(column.name), name)
        for table in plan.schema.tables
        for column in table.columns
        if (name := find_sequence(column)) is not None
    ]
    parameters = {
        "tables": [table for table, _ in filled],
        "columns": [name for _, name in filled],
        "known_tables": [table for table, _, _ in model_sequences],
        "known_columns": [name for _, name, _ in model_sequences],
        "known": [name for _, _, name in model_sequences],
    }
    queries_by_sequence: dict[int, list[str]] = {}
    for row in connection.execute(text(_NUMBERED_COLUMNS), parameters):
        queries_by_sequence.setdefault(row.sequence, []).append(
            f"SELECT {quote_identifier(row.name)} AS no FROM {row.table}"
        )
    return [_build_setval(sequence, " UNION ALL ".join(queries)) for sequence, queries in queries_by_sequence.items()]


def _build_setval(sequence: int, query: str) -> str:
    """Build the setval of a sequence: within its bounds, and below the values if it is descending."""
    return (
        "SELECT setval(seqrelid::regclass, CASE WHEN seqincrement > 0 THEN least(last, seqmax)"
        " ELSE greatest(first, seqmin) END)"
        f" FROM (SELECT max(no) AS last, min(no) AS first FROM ({query}) AS n) AS f, pg_sequence"
        f" WHERE seqrelid = {sequence}"
        " AND CASE WHEN seqincrement > 0 THEN last >= seqmin ELSE first <= seqmax END"
    )


_NUMBERED_COLUMNS = """
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
"""All columns that use the sequences of the loaded columns: by their default, as the owner, or only in the models."""
