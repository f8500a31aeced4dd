"""Materialized views refreshed, each after those that it reads."""

from collections.abc import Sequence
from graphlib import TopologicalSorter
from typing import Any

_NEEDS = """
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
_OPAQUE = """
SELECT 'f' || p.oid FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
WHERE n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_temp') AND p.prosqlbody IS NULL
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e')
"""


def refresh_all(cursor: Any) -> None:
    """Refresh every materialized view that has rows; one WITH NO DATA stays so.

    PostgreSQL does not know what a function with a text for a body reads. Where views call such functions, all are
    refreshed as many times more as there are such views, so that each has seen what the others have become.
    """
    cursor.execute(_VIEWS)
    views = cursor.fetchall()
    if not views:
        return
    cursor.execute(_NEEDS)
    needs: dict[str, set[str]] = {}
    for view, needed in cursor.fetchall():
        needs.setdefault(view, set()).add(needed)
    cursor.execute(_OPAQUE)
    opaque = {function for (function,) in cursor.fetchall()}
    populated = {key: name for key, _, name, is_populated in views if is_populated}
    ordered = [populated[key] for key in _order(needs, [key for key, *_ in views]) if key in populated]
    blind = sum(bool(opaque & _reach(needs, key)) for key in populated)
    for _ in range(1 + blind):
        for view in ordered:
            cursor.execute(f"REFRESH MATERIALIZED VIEW {view}")


def all_views(cursor: Any) -> list[int]:
    cursor.execute(_VIEWS)
    return [oid for _, oid, _, _ in cursor.fetchall()]


def _order(needs: dict[str, set[str]], views: Sequence[str]) -> list[str]:
    reach = {view: _reach(needs, view) for view in views}
    return list(TopologicalSorter({view: reach[view].intersection(views) - {view} for view in views}).static_order())


def _reach(needs: dict[str, set[str]], start: str) -> set[str]:
    found: set[str] = set()
    waiting = [start]
    while waiting:
        for needed in needs.get(waiting.pop(), set()) - found:
            found.add(needed)
            waiting.append(needed)
    return found
