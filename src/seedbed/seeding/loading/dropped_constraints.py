"""Constraints and indexes that are dropped before a large load and restored after it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, text

from seedbed.postgres.connection import execute_verbatim

CONSTRAINT_DROP_MIN_ROWS = 20_000
"""Loads of at least this many rows drop constraints by default.

Dropping and restoring the constraints of 20 tables takes 50 ms, and each row loads about 3 us faster without them.
"""


@dataclass(frozen=True)
class ConstraintDrop:
    """The statements that drop and restore constraints and indexes; `kept` has the others, each with the reason."""

    drop_statements: tuple[str, ...] = ()
    restore_statements: tuple[str, ...] = ()
    kept: tuple[tuple[str, str], ...] = ()


def plan_constraint_drop(
    connection: Connection, oids: Mapping[str, int], *, only: Sequence[tuple[str, str]] | None = None
) -> ConstraintDrop:
    """Find the constraints and indexes of empty tables that can be dropped, and how to restore them.

    The restored objects have the same names, comments, deferrability, validation, replica identity, clustering,
    tablespaces and statistics targets. An object stays in place if anything outside the load depends on it, such as a
    view or a foreign key of a table that is not loaded. `only` limits the plan to foreign keys: each entry is a table
    and the key's first column.
    """
    objects = connection.execute(text(_OBJECTS), {"oids": list(oids.values())}).mappings().all()
    restore_statements: list[str] = []
    kept: list[tuple[str, str]] = []
    foreign_keys = [row for row in objects if row["type"] == "f"]
    if only is not None:
        foreign_keys = [row for row in foreign_keys if (row["table_name"], row["first_column"]) in only]
    droppable, dropped_oids = [], set[int]()
    for row in foreign_keys:
        if row["kept_reason"]:
            kept.append((row["name"], row["kept_reason"]))
        else:
            droppable.append(row)
            dropped_oids.add(row["oid"])
    if only is None:
        for row in objects:
            if row["type"] == "f":
                continue
            dependents = [oid for oid in row["dependents"] if oid not in dropped_oids]
            if row["kept_reason"] or dependents:
                kept.append((row["name"], row["kept_reason"] or "an object outside the load depends on it"))
            else:
                droppable.append(row)
    drop_statements = [_build_drop(row) for row in droppable]
    for row in [*(row for row in droppable if row["type"] != "f"), *(row for row in droppable if row["type"] == "f")]:
        restore_statements += _build_restore(row)
    return ConstraintDrop(tuple(drop_statements), tuple(restore_statements), tuple(kept))


def execute_statements(connection: Connection, statements: Sequence[str]) -> None:
    """Execute statements in one round trip to the server."""
    if statements:
        execute_verbatim(connection, ";\n".join(statements))


def _build_drop(row: Mapping[Any, Any]) -> str:
    if row["type"] == "i":
        return f"DROP INDEX {row['quoted']}"
    return f"ALTER TABLE {row['table']} DROP CONSTRAINT {row['quoted']}"


def _build_restore(row: Mapping[Any, Any]) -> list[str]:
    statements = []
    tablespace = row["tablespace"]
    if row["type"] == "i":
        if tablespace:
            statements.append(f"SET LOCAL default_tablespace = {tablespace}")
        statements.append(row["definition"])
        if tablespace:
            statements.append("SET LOCAL default_tablespace TO DEFAULT")
    else:
        definition = row["definition"]
        if tablespace:
            head, mark, tail = definition.partition(" DEFERRABLE")
            definition = f"{head} USING INDEX TABLESPACE {tablespace}{mark}{tail}"
        statements.append(f"ALTER TABLE {row['table']} ADD CONSTRAINT {row['quoted']} {definition}")
        if row["comment"] is not None:
            statements.append(f"COMMENT ON CONSTRAINT {row['quoted']} ON {row['table']} IS {row['comment']}")
    index = row["index"]
    if index is not None:
        if row["index_comment"] is not None:
            statements.append(f"COMMENT ON INDEX {index} IS {row['index_comment']}")
        if row["replica"]:
            statements.append(f"ALTER TABLE {row['table']} REPLICA IDENTITY USING INDEX {row['index_name']}")
        if row["clustered"]:
            statements.append(f"ALTER TABLE {row['table']} CLUSTER ON {row['index_name']}")
        statements += [
            f"ALTER INDEX {index} ALTER COLUMN {n} SET STATISTICS {target}" for n, target in row["statistics"] or ()
        ]
    return statements


_OBJECTS = """
WITH loaded AS (SELECT unnest(CAST(:oids AS oid[])) AS oid),
objects AS (
    SELECT k.oid, k.conrelid AS relation, k.contype::text AS type, k.conname::text AS name,
           quote_ident(k.conname) AS quoted, pg_get_constraintdef(k.oid) AS definition, k.conkey AS key,
           quote_literal(obj_description(k.oid, 'pg_constraint')) AS comment,
           CASE WHEN k.contype <> 'f' THEN k.conindid END AS indexed, 'pg_constraint'::regclass::oid AS class,
           k.conparentid <> 0 OR NOT k.conislocal AS inherited
    FROM pg_constraint k JOIN loaded l ON l.oid = k.conrelid WHERE k.contype IN ('p', 'u', 'x', 'f')
    UNION ALL
    SELECT i.indexrelid, i.indrelid, 'i', x.relname, i.indexrelid::regclass::text, pg_get_indexdef(i.indexrelid),
           i.indkey::int2[], NULL, i.indexrelid, 'pg_class'::regclass::oid, x.relispartition OR NOT i.indisvalid
    FROM pg_index i JOIN loaded l ON l.oid = i.indrelid JOIN pg_class x ON x.oid = i.indexrelid
    WHERE NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = i.indexrelid AND k.contype IN ('p', 'u', 'x'))
)
SELECT o.oid, o.type, o.name, o.quoted, o.definition, o.comment, o.relation::regclass::text AS table,
       CASE WHEN n.nspname = 'public' THEN c.relname ELSE n.nspname || '.' || c.relname END AS table_name,
       (SELECT a.attname FROM pg_attribute a WHERE a.attrelid = o.relation AND a.attnum = o.key[array_lower(o.key, 1)])
           AS first_column,
       o.indexed::regclass::text AS index, quote_ident(x.relname) AS index_name,
       quote_literal(obj_description(o.indexed, 'pg_class')) AS index_comment,
       i.indisreplident AS replica, i.indisclustered AS clustered,
       (SELECT quote_ident(spcname) FROM pg_tablespace s WHERE s.oid = x.reltablespace) AS tablespace,
       (SELECT array_agg(ARRAY[a.attnum::int, a.attstattarget::int]) FROM pg_attribute a
         WHERE a.attrelid = o.indexed AND coalesce(a.attstattarget, -1) >= 0) AS statistics,
       ARRAY(SELECT d.objid::int8 FROM pg_depend d
              WHERE d.deptype = 'n' AND d.refobjid IN (o.oid, coalesce(o.indexed, o.oid)) AND d.objid <> o.oid
                AND d.refclassid IN ('pg_class'::regclass, 'pg_constraint'::regclass)) AS dependents,
       CASE
           WHEN o.inherited OR c.relkind <> 'r' OR c.relispartition
                OR EXISTS (SELECT FROM pg_inherits h WHERE h.inhparent = c.oid OR h.inhrelid = c.oid)
                THEN 'its table is partitioned or has inheritance'
           WHEN NOT pg_has_role(c.relowner, 'USAGE') THEN 'its table belongs to another role'
           WHEN o.type <> 'f' AND NOT has_schema_privilege(c.relnamespace, 'CREATE')
                THEN 'the role cannot create objects in its schema'
           WHEN o.type = 'f' AND EXISTS (SELECT FROM pg_class p JOIN pg_constraint k ON k.confrelid = p.oid
                                          WHERE k.oid = o.oid AND NOT pg_has_role(p.relowner, 'USAGE'))
                THEN 'the referenced table belongs to another role'
           WHEN EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = c.oid AND NOT t.tgisinternal AND t.tgtype & 4 <> 0)
                THEN 'triggers of its table may need it for lookups'
           WHEN o.type = 'f' AND EXISTS (SELECT FROM pg_trigger t WHERE t.tgconstraint = o.oid AND t.tgenabled <> 'O')
                THEN 'its triggers are disabled'
           WHEN EXISTS (SELECT FROM pg_depend d WHERE d.objid IN (o.oid, o.indexed) AND d.deptype IN ('x', 'e'))
                THEN 'an extension owns it'
       END AS kept_reason
FROM objects o
JOIN pg_class c ON c.oid = o.relation JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_class x ON x.oid = o.indexed LEFT JOIN pg_index i ON i.indexrelid = o.indexed
ORDER BY o.relation, o.type, o.name
"""
"""Constraints and indexes of the loaded tables; `statistics` has the position of each index column and its target."""
