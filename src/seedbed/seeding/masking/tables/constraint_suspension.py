"""Suspension of foreign keys, triggers, rules and forced row security while tables are masked."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any

from psycopg2 import sql

_OVER_COLUMNS = """
SELECT c.oid FROM pg_constraint c WHERE contype = 'f' AND conparentid = 0 AND EXISTS (
  SELECT FROM pg_attribute a WHERE (a.attrelid = conrelid AND a.attnum = ANY (conkey) OR
    a.attrelid = confrelid AND a.attnum = ANY (confkey)) AND (a.attrelid, a.attname::text) IN %s)
"""
_ON_RELATIONS = """
WITH RECURSIVE root AS (
  SELECT oid, conparentid FROM pg_constraint
  WHERE contype = 'f' AND (conrelid = ANY (%(oids)s) OR confrelid = ANY (%(oids)s))
  UNION SELECT c.oid, c.conparentid FROM pg_constraint c JOIN root ON c.oid = root.conparentid)
SELECT oid FROM root WHERE conparentid = 0
"""
_DEFINITIONS = """
WITH RECURSIVE line AS (
  SELECT oid AS root, oid FROM pg_constraint WHERE oid = ANY (%s)
  UNION ALL SELECT line.root, c.oid FROM pg_constraint c JOIN line ON c.conparentid = line.oid)
SELECT line.root, c.oid = line.root, c.conrelid, c.confrelid, c.conrelid::regclass::text, quote_ident(c.conname),
  pg_get_constraintdef(c.oid), obj_description(c.oid, 'pg_constraint')
FROM line JOIN pg_constraint c ON c.oid = line.oid
ORDER BY line.root, c.oid = line.root DESC, c.conrelid::regclass::text
"""
_NAME = """
SELECT quote_ident(conname) FROM pg_constraint WHERE oid = ANY (%s) AND conrelid = %s AND confrelid = %s
"""
_ADDED = """
WITH RECURSIVE line AS (
  SELECT oid FROM pg_constraint WHERE conrelid = %s AND contype = 'f' AND quote_ident(conname) = %s
  UNION ALL SELECT c.oid FROM pg_constraint c JOIN line ON c.conparentid = line.oid)
SELECT oid FROM line
"""


class ForeignKeys:
    """The foreign keys that were dropped in this transaction."""

    def __init__(self, cursor: Any) -> None:
        self._cursor = cursor
        self._dropped: list[tuple[Any, ...]] = []

    def drop_by_columns(self, columns: Collection[tuple[int, str]]) -> None:
        """Drop the foreign keys that contain one of the columns, on either side."""
        if columns:
            self._cursor.execute(_OVER_COLUMNS, (tuple(columns),))
            self._drop([oid for (oid,) in self._cursor.fetchall()])

    def drop_by_tables(self, relations: Collection[int]) -> None:
        """Drop the foreign keys of tables and those that refer to them, which would prevent TRUNCATE."""
        self._cursor.execute(_ON_RELATIONS, {"oids": list(relations)})
        self._drop([oid for (oid,) in self._cursor.fetchall()])

    def restore(self) -> None:
        """Restore all dropped foreign keys with their validation state, comments and the names on partitions."""
        added: list[int] = []
        for _, is_root, conrelid, confrelid, table, name, definition, comment in self._dropped:
            if is_root:
                self._cursor.execute(f"ALTER TABLE {table} ADD CONSTRAINT {name} {definition}")
                self._cursor.execute(_ADDED, (conrelid, name))
                added = [oid for (oid,) in self._cursor.fetchall()]
            else:
                self._cursor.execute(_NAME, (added, conrelid, confrelid))
                current = self._cursor.fetchone()
                if current is not None and current[0] != name:
                    self._cursor.execute(f"ALTER TABLE {table} RENAME CONSTRAINT {current[0]} TO {name}")
            if comment is not None:
                text = sql.Literal(comment).as_string(self._cursor)
                self._cursor.execute(f"COMMENT ON CONSTRAINT {name} ON {table} IS {text}")
        self._dropped.clear()

    def _drop(self, oids: Collection[int]) -> None:
        self._cursor.execute(_DEFINITIONS, (list(oids),))
        dropped = self._cursor.fetchall()
        self._dropped += dropped
        for _, is_root, _, _, table, name, _, _ in dropped:
            if is_root:
                self._cursor.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}")


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
    firing_modes += [("RULE", *row) for row in cursor.fetchall()]
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
