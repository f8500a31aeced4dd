"""Suspension of triggers, rules and forced row security while tables are masked."""

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
def suspend_triggers(cursor: Any, relations: Collection[int]) -> Iterator[None]:
    """Disable all triggers and rules of these tables, and restore their firing modes at the end.

    Setting `session_replication_role` would require a privilege that Neon does not grant, and would still fire ENABLE
    ALWAYS triggers. Forced row security is suspended as well, because with `row_security` off it raises an error for
    the owner. After an error the caller has to roll back.
    """
    oids = list(relations)
    cursor.execute(_TRIGGERS, (oids,))
    firing_modes = [("TRIGGER", *row) for row in cursor.fetchall()]
    cursor.execute(_RULES, (oids,))
    firing_modes += [("RULE", *found) for found in cursor.fetchall()]
    cursor.execute(_FORCED, (oids,))
    forced = [table for (table,) in cursor.fetchall()]
    for kind, table, name, _ in firing_modes:  # ONLY: each partition's trigger has its own firing mode
        cursor.execute(f"ALTER TABLE {'ONLY ' if kind == 'TRIGGER' else ''}{table} DISABLE {kind} {name}")
    for table in forced:
        cursor.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
    yield
    for kind, table, name, mode in firing_modes:
        only = "ONLY " if kind == "TRIGGER" else ""
        cursor.execute(f"ALTER TABLE {only}{table} {_ENABLE[mode]} {kind} {name}")
    for table in forced:
        cursor.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
