"""Derived copies of values, in materialized views and the planner's statistics."""

from collections.abc import Collection, Sequence
from graphlib import TopologicalSorter
from typing import Any

import psycopg2

from seedbed.errors import StaleStatistics
from seedbed.seeding.masking.tables.physical_layout import build_identity_retypes

_DEPENDENCIES = """
SELECT 'v' || r.ev_class, CASE d.refclassid WHEN 'pg_class'::regclass THEN 'v' ELSE 'f' END || d.refobjid
FROM pg_rewrite r JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid
WHERE d.refclassid IN ('pg_class'::regclass, 'pg_proc'::regclass) AND d.refobjid <> r.ev_class
UNION
SELECT 'f' || d.objid, CASE d.refclassid WHEN 'pg_class'::regclass THEN 'v' ELSE 'f' END || d.refobjid
FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.refobjid <> d.objid
  AND d.refclassid IN ('pg_class'::regclass, 'pg_proc'::regclass)
"""
_VIEWS = """
SELECT 'v' || c.oid, c.oid, c.oid::regclass::text, c.relispopulated FROM pg_class c WHERE c.relkind = 'm' ORDER BY c.oid
"""
_OPAQUE_FUNCTIONS = """
SELECT 'f' || p.oid FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
WHERE n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_temp') AND p.prosqlbody IS NULL
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e')
"""


def refresh_materialized_views(cursor: Any) -> None:
    """Refresh every populated materialized view; views WITH NO DATA stay unpopulated.

    PostgreSQL does not record what a function whose body is a string reads. For each view that calls such a function,
    all views are refreshed once more, so that every view sees the final rows of the others.
    """
    cursor.execute(_VIEWS)
    views = cursor.fetchall()
    if not views:
        return
    cursor.execute(_DEPENDENCIES)
    dependencies: dict[str, set[str]] = {}
    for view, dependency in cursor.fetchall():
        dependencies.setdefault(view, set()).add(dependency)
    cursor.execute(_OPAQUE_FUNCTIONS)
    opaque_functions = {function for (function,) in cursor.fetchall()}
    populated = {key: name for key, _, name, is_populated in views if is_populated}
    ordered_views = [
        populated[key] for key in _sort_views(dependencies, [key for key, *_ in views]) if key in populated
    ]
    opaque_views = sum(bool(opaque_functions & _find_closure(dependencies, key)) for key in populated)
    for _ in range(1 + opaque_views):
        for view in ordered_views:
            cursor.execute(f"REFRESH MATERIALIZED VIEW {view}")


def list_materialized_views(cursor: Any) -> list[int]:
    cursor.execute(_VIEWS)
    return [oid for _, oid, _, _ in cursor.fetchall()]


def _sort_views(dependencies: dict[str, set[str]], views: Sequence[str]) -> list[str]:
    closures = {view: _find_closure(dependencies, view) for view in views}
    return list(TopologicalSorter({view: closures[view].intersection(views) - {view} for view in views}).static_order())


def _find_closure(dependencies: dict[str, set[str]], start: str) -> set[str]:
    closure: set[str] = set()
    pending = [start]
    while pending:
        for dependency in dependencies.get(pending.pop(), set()) - closure:
            closure.add(dependency)
            pending.append(dependency)
    return closure


_OWNER_CLEARS_VERSION = 180000
"""The first server version in which the owner of a table can clear its statistics."""

_TABLES = """
SELECT c.oid, c.oid::regclass::text, c.relkind::text, c.relispopulated FROM pg_class c
WHERE c.oid = ANY (%s) AND c.relkind IN ('r', 'p', 'm') ORDER BY c.relkind = 'm', 2
"""
_CLEAR = """
SELECT pg_clear_attribute_stats(s.schemaname::text, s.tablename::text, s.attname::text, s.inherited)
FROM pg_stats s JOIN pg_namespace n ON n.nspname = s.schemaname
  JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = s.tablename LEFT JOIN pg_index i ON i.indexrelid = c.oid
WHERE coalesce(i.indrelid, c.oid) = ANY (%s)
"""
_DELETE = (
    "DELETE FROM pg_statistic WHERE starelid = ANY (%(oids)s)"
    " OR starelid IN (SELECT indexrelid FROM pg_index WHERE indrelid = ANY (%(oids)s))",
    "DELETE FROM pg_statistic_ext_data WHERE stxoid IN"
    " (SELECT oid FROM pg_statistic_ext WHERE stxrelid = ANY (%(oids)s))",
)
_TARGETS = """
SELECT format('ALTER %%s %%s ALTER COLUMN %%s SET STATISTICS ',
    CASE WHEN c.relkind IN ('i', 'I') THEN 'INDEX' WHEN c.relkind = 'm' THEN 'MATERIALIZED VIEW' ELSE 'TABLE ONLY' END,
    c.oid::regclass, CASE WHEN c.relkind IN ('i', 'I') THEN a.attnum::text ELSE quote_ident(a.attname) END),
  a.attstattarget
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid LEFT JOIN pg_index i ON i.indexrelid = c.oid
WHERE coalesce(i.indrelid, c.oid) = ANY (%(oids)s) AND coalesce(a.attstattarget, -1) <> -1 AND a.attnum > 0
  AND NOT a.attisdropped AND (i.indexrelid IS NULL OR i.indkey[a.attnum - 1] = 0)
UNION ALL
SELECT format('ALTER STATISTICS %%s.%%I SET STATISTICS ', stxnamespace::regnamespace, stxname), stxstattarget
FROM pg_statistic_ext WHERE stxrelid = ANY (%(oids)s) AND coalesce(stxstattarget, -1) <> -1
"""
_HAS_STATISTICS = """
SELECT EXISTS (SELECT FROM pg_stats s JOIN pg_namespace n ON n.nspname = s.schemaname
  JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = s.tablename LEFT JOIN pg_index i ON i.indexrelid = c.oid
  WHERE coalesce(i.indrelid, c.oid) = %(oid)s AND s.inherited = %(inherited)s AND s.null_frac < 1)
OR EXISTS (SELECT FROM (SELECT statistics_schemaname, statistics_name, to_jsonb(e) AS e FROM pg_stats_ext e
    WHERE most_common_vals IS NOT NULL
    UNION ALL
    SELECT statistics_schemaname, statistics_name, to_jsonb(e) FROM pg_stats_ext_exprs e WHERE null_frac < 1) e
  JOIN pg_namespace n ON n.nspname = e.statistics_schemaname
  JOIN pg_statistic_ext s ON s.stxnamespace = n.oid AND s.stxname = e.statistics_name
  WHERE s.stxrelid = %(oid)s AND coalesce((e.e ->> 'inherited')::boolean, false) = %(inherited)s)
"""
_PLACEHOLDERS = """
SELECT quote_ident(a.attname), CASE WHEN NOT a.attnotnull THEN 'NULL'
  WHEN a.atthasdef OR a.attidentity <> '' THEN 'DEFAULT'
  ELSE CASE t.typcategory WHEN 'N' THEN '0' WHEN 'S' THEN quote_literal('') WHEN 'B' THEN 'false'
    WHEN 'D' THEN quote_literal('epoch') WHEN 'A' THEN quote_literal('{}')
    WHEN 'U' THEN quote_literal('00000000-0000-0000-0000-000000000000') END END
FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
WHERE a.attrelid = %s AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '' ORDER BY a.attnum
"""


def read_targets(cursor: Any, oids: Collection[int]) -> list[tuple[str, int]]:
    """Read statistics targets of columns, indexes and extended statistics: each an ALTER statement and its target."""
    cursor.execute(_TARGETS, {"oids": list(oids)})
    targets: list[tuple[str, int]] = cursor.fetchall()
    return targets


def recreate_statistics(cursor: Any, oids: Collection[int]) -> None:
    """Clear the statistics of tables and materialized views and create new ones, in this transaction.

    ANALYZE does not replace the statistics of an empty table or of a column with a target of 0. A superuser can delete
    them, and from PostgreSQL 18 on the owner too. On older servers the owner can only have them dropped or replaced.

    Raises:
        StaleStatistics: an empty table or materialized view keeps statistics of its former rows.
    """
    relation_oids = list(oids)
    _clear_statistics(cursor, relation_oids)
    cursor.execute(_TABLES, (relation_oids,))
    relations = cursor.fetchall()
    disabled_targets = [statement for statement, target in read_targets(cursor, relation_oids) if target == 0]
    for statement in disabled_targets:
        cursor.execute(f"{statement}-1")
    for _, name, _, is_populated in relations:
        if is_populated:
            cursor.execute(f"ANALYZE {name}")
    for statement in disabled_targets:
        cursor.execute(f"{statement}0")
    stale = []
    for oid, name, kind, is_populated in relations:
        if not is_populated:
            cursor.execute(_HAS_STATISTICS, {"oid": oid, "inherited": False})
            is_current = not cursor.fetchone()[0] or _replace_view_statistics(cursor, name)
        elif _is_stale(cursor, oid, name, kind):
            is_current = kind != "m" and _replace_table_statistics(cursor, oid, name, kind)
        else:
            is_current = True
        stale += [] if is_current else [name]
    if stale:
        raise StaleStatistics(stale)


def vacuum_catalogs(cursor: Any, *, large_objects: bool, missing_values: bool) -> tuple[str, ...]:
    """Vacuum the system tables whose dead rows hold original values; return those that could not be vacuumed.

    The owner of the database has the right to this. It runs outside a transaction, and waits 5 seconds for each lock.
    """
    catalogs = ["pg_statistic", "pg_statistic_ext_data"]
    catalogs += ["pg_largeobject"] if large_objects else []
    catalogs += ["pg_attribute"] if missing_values else []
    failed = []
    cursor.execute("SET lock_timeout = '5s'")
    for catalog in catalogs:
        del cursor.connection.notices[:]
        try:
            cursor.execute(f"VACUUM (FULL) pg_catalog.{catalog}")
        except psycopg2.Error:
            failed.append(catalog)
        else:  # a missing privilege is a warning, not an error
            failed += [catalog] if any("permission denied" in notice for notice in cursor.connection.notices) else []
    return tuple(failed)


def _clear_statistics(cursor: Any, oids: Sequence[int]) -> None:
    cursor.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")
    if cursor.fetchone()[0]:
        for statement in _DELETE:
            cursor.execute(statement, {"oids": list(oids)})
    elif cursor.connection.server_version >= _OWNER_CLEARS_VERSION:
        cursor.execute(_CLEAR, (list(oids),))


def _is_stale(cursor: Any, oid: int, name: str, kind: str) -> bool:
    """Whether an empty table has statistics, which ANALYZE does not replace."""
    scopes = {"r": [(False, f"ONLY {name}"), (True, name)], "p": [(True, name)], "m": [(False, name)]}[kind]
    for inherited, scope in scopes:
        cursor.execute(_HAS_STATISTICS, {"oid": oid, "inherited": inherited})
        if cursor.fetchone()[0] and not _has_rows(cursor, scope):
            return True
    return False


def _has_rows(cursor: Any, scope: str) -> bool:
    cursor.execute(f"SELECT EXISTS (SELECT FROM {scope})")
    exists: bool = cursor.fetchone()[0]
    return exists


def _replace_table_statistics(cursor: Any, oid: int, name: str, kind: str) -> bool:
    """Drop the statistics of an empty table by setting each column's type again.

    If an object depends on a column, that fails; then a row of NULLs, defaults and zeros gives new statistics.
    """
    changes = [f"ALTER TABLE {name} {change}" for change in build_identity_retypes(cursor, oid)]
    if _try_statements(cursor, *changes) and not _is_stale(cursor, oid, name, kind):
        return True
    cursor.execute(_PLACEHOLDERS, (oid,))
    placeholders = cursor.fetchall()
    if not placeholders or any(value is None for _, value in placeholders):
        return False
    columns, values = (", ".join(part) for part in zip(*placeholders, strict=True))
    insert = f"INSERT INTO {name} ({columns}) VALUES ({values})"
    return _try_statements(cursor, insert, f"ANALYZE {name}", f"DELETE FROM {name}")


def _replace_view_statistics(cursor: Any, name: str) -> bool:
    """Replace the statistics of a materialized view WITH NO DATA by populating it for a moment."""
    cursor.execute(f"REFRESH MATERIALIZED VIEW {name}; ANALYZE {name}")
    has_rows = _has_rows(cursor, name)
    cursor.execute(f"REFRESH MATERIALIZED VIEW {name} WITH NO DATA")
    return has_rows


def _try_statements(cursor: Any, *statements: str) -> bool:
    cursor.execute("SAVEPOINT statistics")
    try:
        for statement in statements:
            cursor.execute(statement)
    except psycopg2.Error:
        cursor.execute("ROLLBACK TO SAVEPOINT statistics")
        return False
    cursor.execute("RELEASE SAVEPOINT statistics")
    return True
