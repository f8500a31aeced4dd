"""Whether an UPDATE or DELETE goes over a table's rows, or is about the one that a key names."""

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
Node = Mapping[str, Any]


def find_keyless_write(connection: Any, statement: str, parameters: Any) -> int | None:
    """The table, by oid, of which an UPDATE or DELETE changes rows that no unique key picks out; None where there is
    none, where the statement is something else, and outside of a transaction, where each statement is one of its own.

    PostgreSQL's plan tells it: an equation of all columns of a unique index finds one row at most, and the planner
    knows. How often a table was read whole says less, since on an empty one any index will do.
    """
    verb = statement.lstrip().partition(" ")[0].strip().upper()
    if verb not in {"UPDATE", "DELETE", "WITH", "MERGE"} or connection.autocommit:
        return None
    with connection.cursor() as cursor:
        cursor.execute(f"SAVEPOINT {_SAVEPOINT}")
        found = None
        with suppress(psycopg2.Error):  # the statement itself will say what is wrong with it
            cursor.execute(f"EXPLAIN (VERBOSE, FORMAT JSON) {statement}", parameters or None)
            ((plan,),) = cursor.fetchall()
            found = _swept(cursor, plan[0]["Plan"])
        cursor.execute(f"ROLLBACK TO SAVEPOINT {_SAVEPOINT}")
        cursor.execute(f"RELEASE SAVEPOINT {_SAVEPOINT}")
    return found


def _swept(cursor: Any, plan: Node) -> int | None:
    for change in _nodes(plan):
        if change["Node Type"] == "ModifyTable" and change.get("Operation") in {"Update", "Delete", "Merge"}:
            table = (change["Relation Name"], change["Schema"])
            scans = [node for node in _nodes(change) if node is not change and _is_of(node, change)]
            if not any(_by_key(cursor, node) for node in scans):
                cursor.execute(_TABLE, table)
                return int(cursor.fetchone()[0])
    return None


def _nodes(node: Node) -> Iterator[Node]:
    yield node
    for inner in node.get("Plans", ()):
        yield from _nodes(inner)


def _is_of(node: Node, change: Node) -> bool:
    return node.get("Alias") == change.get("Alias") and node.get("Relation Name") == change["Relation Name"]


def _by_key(cursor: Any, scan: Node) -> bool:
    """Whether the planner counts on one row, because of a unique index."""
    indexes = [node["Index Name"] for node in _nodes(scan) if "Index Name" in node]
    if scan["Plan Rows"] > 1 or not indexes:
        return False
    cursor.execute(_INDEX, (indexes[0], scan["Schema"]))
    return bool(cursor.fetchone()[0])
