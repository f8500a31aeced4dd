"""Materialized views, refreshed in the order of their dependencies."""

from collections.abc import Sequence
from graphlib import TopologicalSorter
from typing import Any

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
