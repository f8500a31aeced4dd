"""Triggers, rules and row security suspended, so that nothing stores, changes, blocks or hides values meanwhile."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any

_TRIGGERS = """
SELECT tgrelid::regclass::text, quote_ident(tgname), tgenabled::text FROM pg_trigger
WHERE tgrelid = ANY (%s) AND NOT tgisinternal AND tgenabled <> 'D' ORDER BY tgrelid::regclass::text, tgname
"""
_RULES = """
SELECT ev_class::regclass::text, quote_ident(rulename), ev_enabled::text FROM pg_rewrite
WHERE ev_class = ANY (%s) AND ev_enabled <> 'D' ORDER BY ev_class::regclass::text, rulename
"""
_FORCED = "SELECT oid::regclass::text FROM pg_class WHERE oid = ANY (%s) AND relforcerowsecurity ORDER BY 1"
_ENABLE = {"O": "ENABLE", "R": "ENABLE REPLICA", "A": "ENABLE ALWAYS"}


@contextmanager
def suspended(cursor: Any, relations: Collection[int]) -> Iterator[None]:
    """Disable each trigger and rule of some tables, and give each the firing mode that it had at the end.

    `session_replication_role` would need a right that Neon does not give, and lets ENABLE ALWAYS triggers fire. Forced
    row security is lifted as well: with `row_security` off it is an error for a table's owner. The caller rolls back
    after an error.
    """
    oids = list(relations)
    cursor.execute(_TRIGGERS, (oids,))
    firing = [("TRIGGER", *found) for found in cursor.fetchall()]
    cursor.execute(_RULES, (oids,))
    firing += [("RULE", *found) for found in cursor.fetchall()]
    cursor.execute(_FORCED, (oids,))
    forced = [table for (table,) in cursor.fetchall()]
    for what, table, name, _ in firing:  # ONLY: a partition's copy of a trigger has a firing mode of its own
        cursor.execute(f"ALTER TABLE {'ONLY ' if what == 'TRIGGER' else ''}{table} DISABLE {what} {name}")
    for table in forced:
        cursor.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
    yield
    for what, table, name, mode in firing:
        only = "ONLY " if what == "TRIGGER" else ""
        cursor.execute(f"ALTER TABLE {only}{table} {_ENABLE[mode]} {what} {name}")
    for table in forced:
        cursor.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
