"""Find an UPDATE or DELETE that does not select its rows by a unique key."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

import psycopg2

_SAVEPOINT = "seedbed_sweeping"
_INDEX = """
SELECT i.indisunique
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_index i ON i.indexrelid = c.oid
WHERE c.relname = %s AND n.nspname = %s
"""
_TABLE = """
SELECT c.oid::bigint FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relname = %s AND n.nspname = %s
"""
PlanNode = Mapping[str, Any]


def find_keyless_write(connection: Any, statement: str, parameters: Any) -> int | None:
    """Return the table (its oid) whose rows a statement changes without selecting them by a unique key, or None.

    None is also returned for other statements, and outside of a transaction, where each statement commits alone. The
    answer comes from PostgreSQL's plan: the planner expects at most one row where all columns of a unique index are
    compared. The number of sequential scans says less, because on an empty table any index is used.
    """
    verb = statement.lstrip().partition(" ")[0].strip().upper()
    if verb not in {"UPDATE", "DELETE", "WITH", "MERGE"} or connection.autocommit:
        return None
    with connection.cursor() as cursor:
        cursor.execute(f"SAVEPOINT {_SAVEPOINT}")
        table = None
        with suppress(psycopg2.Error):  # the statement itself then reports the error
            cursor.execute(f"EXPLAIN (VERBOSE, FORMAT JSON) {statement}", parameters or None)
            ((plan,),) = cursor.fetchall()
            table = _find_changed_table(cursor, plan[0]["Plan"])
        cursor.execute(f"ROLLBACK TO SAVEPOINT {_SAVEPOINT}")
        cursor.execute(f"RELEASE SAVEPOINT {_SAVEPOINT}")
    return table


def _find_changed_table(cursor: Any, plan: PlanNode) -> int | None:
    for modify_node in _walk_plan(plan):
        if modify_node["Node Type"] == "ModifyTable" and modify_node.get("Operation") in {"Update", "Delete", "Merge"}:
            table = (modify_node["Relation Name"], modify_node["Schema"])
            scans = [
                node
                for node in _walk_plan(modify_node)
                if node is not modify_node and _scans_changed_table(node, modify_node)
            ]
            if not any(_selects_by_key(cursor, node) for node in scans):
                cursor.execute(_TABLE, table)
                return int(cursor.fetchone()[0])
    return None


def _walk_plan(node: PlanNode) -> Iterator[PlanNode]:
    yield node
    for child in node.get("Plans", ()):
        yield from _walk_plan(child)


def _scans_changed_table(node: PlanNode, modify_node: PlanNode) -> bool:
    return node.get("Alias") == modify_node.get("Alias") and node.get("Relation Name") == modify_node["Relation Name"]


def _selects_by_key(cursor: Any, scan: PlanNode) -> bool:
    """Return whether the planner expects one row because of a unique index."""
    indexes = [node["Index Name"] for node in _walk_plan(scan) if "Index Name" in node]
    if scan["Plan Rows"] > 1 or not indexes:
        return False
    cursor.execute(_INDEX, (indexes[0], scan["Schema"]))
    return bool(cursor.fetchone()[0])
