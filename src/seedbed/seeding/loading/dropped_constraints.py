"""Constraints and indexes taken off empty tables for a load and put back after it, as the catalog has them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, text

from seedbed.postgres.connection import execute_verbatim

WORTH_IT = 20_000
"""Rows of a load from which on it is faster: taking 20 tables' constraints off and putting them back costs 50 ms,
and a row costs some 3 us less without them.
"""


@dataclass(frozen=True)
class Aside:
    """`off` and `back` are statements; `kept` says of what stays in place why it does."""

    off: tuple[str, ...] = ()
    back: tuple[str, ...] = ()
    kept: tuple[tuple[str, str], ...] = ()


def aside(connection: Connection, oids: Mapping[str, int], *, only: Sequence[tuple[str, str]] | None = None) -> Aside:
    """What can be set aside of tables that are empty, and how it comes back.

    Names, comments, deferrability, whether it was validated, replica identity, clustering, tablespaces and statistics
    targets come back as they were. What something outside of the load depends on stays: a view, or a foreign key of a
    table that is not loaded. With `only`, nothing but the foreign keys of these tables' columns.
    """
    found = connection.execute(text(_OBJECTS), {"oids": list(oids.values())}).mappings().all()
    back: list[str] = []
    kept: list[tuple[str, str]] = []
    keys = [row for row in found if row["type"] == "f"]
    if only is not None:
        keys = [row for row in keys if (row["shown"], row["first"]) in only]
    free, taken = [], set[int]()
    for row in keys:
        if row["why"]:
            kept.append((row["name"], row["why"]))
        else:
            free.append(row)
            taken.add(row["oid"])
    if only is None:
        for row in found:
            if row["type"] == "f":
                continue
            needed = [need for need in row["needed_by"] if need not in taken]
            if row["why"] or needed:
                kept.append((row["name"], row["why"] or "something that is not loaded depends on it"))
            else:
                free.append(row)
    off = [_off(row) for row in free]
    for row in [*(row for row in free if row["type"] != "f"), *(row for row in free if row["type"] == "f")]:
        back += _back(row)
    return Aside(tuple(off), tuple(back), tuple(kept))


def run(connection: Connection, statements: Sequence[str]) -> None:
    """Run statements in one exchange with the server."""
    if statements:
        execute_verbatim(connection, ";\n".join(statements))


def _off(row: Mapping[Any, Any]) -> str:
    if row["type"] == "i":
        return f"DROP INDEX {row['quoted']}"
    return f"ALTER TABLE {row['table']} DROP CONSTRAINT {row['quoted']}"


def _back(row: Mapping[Any, Any]) -> list[str]:
    made = []
    space = row["tablespace"]
    if row["type"] == "i":
        if space:
            made.append(f"SET LOCAL default_tablespace = {space}")
        made.append(row["definition"])
        if space:
            made.append("SET LOCAL default_tablespace TO DEFAULT")
    else:
        definition = row["definition"]
        if space:
            head, mark, tail = definition.partition(" DEFERRABLE")
            definition = f"{head} USING INDEX TABLESPACE {space}{mark}{tail}"
        made.append(f"ALTER TABLE {row['table']} ADD CONSTRAINT {row['quoted']} {definition}")
        if row["comment"] is not None:
            made.append(f"COMMENT ON CONSTRAINT {row['quoted']} ON {row['table']} IS {row['comment']}")
    index = row["index"]
    if index is not None:
        if row["index_comment"] is not None:
            made.append(f"COMMENT ON INDEX {index} IS {row['index_comment']}")
        if row["replica"]:
            made.append(f"ALTER TABLE {row['table']} REPLICA IDENTITY USING INDEX {row['index_name']}")
        if row["clustered"]:
            made.append(f"ALTER TABLE {row['table']} CLUSTER ON {row['index_name']}")
        made += [
            f"ALTER INDEX {index} ALTER COLUMN {n} SET STATISTICS {target}" for n, target in row["statistics"] or ()
        ]
    return made


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
       CASE WHEN n.nspname = 'public' THEN c.relname ELSE n.nspname || '.' || c.relname END AS shown,
       (SELECT a.attname FROM pg_attribute a WHERE a.attrelid = o.relation AND a.attnum = o.key[array_lower(o.key, 1)])
           AS first,
       o.indexed::regclass::text AS index, quote_ident(x.relname) AS index_name,
       quote_literal(obj_description(o.indexed, 'pg_class')) AS index_comment,
       i.indisreplident AS replica, i.indisclustered AS clustered,
       (SELECT quote_ident(spcname) FROM pg_tablespace s WHERE s.oid = x.reltablespace) AS tablespace,
       (SELECT array_agg(ARRAY[a.attnum::int, a.attstattarget::int]) FROM pg_attribute a
         WHERE a.attrelid = o.indexed AND coalesce(a.attstattarget, -1) >= 0) AS statistics,
       ARRAY(SELECT d.objid::int8 FROM pg_depend d
              WHERE d.deptype = 'n' AND d.refobjid IN (o.oid, coalesce(o.indexed, o.oid)) AND d.objid <> o.oid
                AND d.refclassid IN ('pg_class'::regclass, 'pg_constraint'::regclass)) AS needed_by,
       CASE
           WHEN o.inherited OR c.relkind <> 'r' OR c.relispartition
                OR EXISTS (SELECT FROM pg_inherits h WHERE h.inhparent = c.oid OR h.inhrelid = c.oid)
                THEN 'its table is partitioned or inherits'
           WHEN NOT pg_has_role(c.relowner, 'USAGE') THEN 'its table belongs to another role'
           WHEN o.type <> 'f' AND NOT has_schema_privilege(c.relnamespace, 'CREATE')
                THEN 'nothing may be created in its schema'
           WHEN o.type = 'f' AND EXISTS (SELECT FROM pg_class p JOIN pg_constraint k ON k.confrelid = p.oid
                                          WHERE k.oid = o.oid AND NOT pg_has_role(p.relowner, 'USAGE'))
                THEN 'the table it refers to belongs to another role'
           WHEN EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = c.oid AND NOT t.tgisinternal AND t.tgtype & 4 <> 0)
                THEN 'triggers of its table may look things up by it'
           WHEN o.type = 'f' AND EXISTS (SELECT FROM pg_trigger t WHERE t.tgconstraint = o.oid AND t.tgenabled <> 'O')
                THEN 'its triggers were disabled'
           WHEN EXISTS (SELECT FROM pg_depend d WHERE d.objid IN (o.oid, o.indexed) AND d.deptype IN ('x', 'e'))
                THEN 'an extension owns it'
       END AS why
FROM objects o
JOIN pg_class c ON c.oid = o.relation JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_class x ON x.oid = o.indexed LEFT JOIN pg_index i ON i.indexrelid = o.indexed
ORDER BY o.relation, o.type, o.name
"""
"""Everything that can be set aside of the loaded tables. `statistics` are numbered by the index's columns."""
