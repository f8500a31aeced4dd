"""Names that a revision gives to an index, a constraint, a column or a table, and that a database has given already."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg2
from sqlalchemy import Connection, event

from seedbed.errors import ObjectNameConflict
from seedbed.migrations.apply.lock_retry import is_lock_error

_NAME = r'(?:"(?:[^"]|"")+"|[^\W\d][\w$]*)'
_QUALIFIED = rf"(?:{_NAME}\.)?{_NAME}"
_FLAGS = re.IGNORECASE | re.DOTALL
_INDEX = re.compile(
    rf"\s*CREATE\s+(?P<unique>UNIQUE\s+)?INDEX\s+(?:CONCURRENTLY\s+)?(?:IF\s+NOT\s+EXISTS\s+)?(?P<name>{_NAME})\s+ON\s+"
    rf"(?:ONLY\s+)?(?P<table>{_QUALIFIED})(?P<rest>\s.*|\(.*)",
    _FLAGS,
)
_CONSTRAINT = re.compile(
    rf"(?:\s*|DO \$\w*\$ BEGIN\s+IF NOT EXISTS \(SELECT FROM pg_constraint WHERE .*? THEN\s+)"
    rf"ALTER\s+TABLE\s+(?:IF\s+EXISTS\s+)?(?:ONLY\s+)?(?P<table>{_QUALIFIED})\s+"
    rf"ADD\s+CONSTRAINT\s+(?P<name>{_NAME})\s+(?P<rest>.*?)(?:;\s+END IF;\s+END \$\w*\$)?\s*",
    _FLAGS,
)
_COLUMN = re.compile(
    rf"\s*ALTER\s+TABLE\s+(?:IF\s+EXISTS\s+)?(?:ONLY\s+)?(?P<table>{_QUALIFIED})\s+"
    rf"(?P<rest>ADD\s+(?:COLUMN\s+)?IF\s+NOT\s+EXISTS\s+.*)",
    _FLAGS,
)
_ADDED = re.compile(rf"\bADD\s+(?:COLUMN\s+)?IF\s+NOT\s+EXISTS\s+(?P<name>{_NAME})", _FLAGS)
_TABLE = re.compile(
    rf"\s*CREATE\s+(?:UNLOGGED\s+)?TABLE\s+IF\s+NOT\s+EXISTS\s+(?P<table>{_QUALIFIED})(?P<rest>\s*\(.*)", _FLAGS
)
_NAMED_KEY = re.compile(rf"\bCONSTRAINT\s+{_NAME}\s+(?=PRIMARY|UNIQUE|EXCLUDE)", _FLAGS)

_SCRATCH = "seedbed_scratch"
_RELATION = """
SELECT format('%%I.%%I', n.nspname, c.relname), c.relkind, pg_get_indexdef(i.indexrelid),
       coalesce(i.indrelid = t.oid, false)
FROM pg_class t JOIN pg_namespace n ON n.oid = t.relnamespace
JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = (parse_ident(%s))[1]::name
LEFT JOIN pg_index i ON i.indexrelid = c.oid WHERE t.oid = to_regclass(%s)
"""
_EXISTING_CONSTRAINT = """
SELECT k.conrelid::regclass::text, pg_get_constraintdef(k.oid), k.contype FROM pg_constraint k
WHERE k.conrelid = to_regclass(%s) AND k.conname = (parse_ident(%s))[1]::name AND k.contype <> 'n'
"""
_TABLE_SCHEMA = """
SELECT quote_ident(n.nspname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.oid = to_regclass(%s)
"""
_COLUMNS = """
SELECT a.attname, format_type(a.atttypid, a.atttypmod)
       || CASE WHEN a.attgenerated = '' THEN ''
          ELSE ' GENERATED ALWAYS AS (' || pg_get_expr(d.adbin, d.adrelid) || ')' END
FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
WHERE a.attrelid = to_regclass(%s) AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum
"""
_KINDS = {"r": "table", "p": "table", "f": "foreign table", "v": "view", "m": "materialised view", "S": "sequence"}


@dataclass(frozen=True)
class NameClash:
    """A name, what has it in the database, what the revision would make, and the statement that makes room."""

    object_type: str
    name: str
    existing: str
    expected: str
    remedy: str


@contextmanager
def refuse_name_clashes(connection: Connection, database: str) -> Iterator[None]:
    """Stop, for the length of a block, before a statement that makes something of a name that something else has.

    IF NOT EXISTS goes by the name alone, and would take the other thing for the one that was meant. What has the same
    definition counts as made. The definitions are compared as PostgreSQL prints them: what is wanted is made on a copy
    of the table without rows, which is rolled back.

    Raises:
        ObjectNameConflict: with both definitions, by the statement that was to be run.
    """

    def before(_c: object, cursor: Any, statement: str, _parameters: object, context: Any, _many: bool) -> None:
        compiled = getattr(context, "compiled", None) is not None  # by SQLAlchemy, which writes each % as two
        clash = find_clash(cursor, statement.replace("%%", "%") if compiled else statement)
        if clash is not None:
            raise ObjectNameConflict(
                database,
                clash.object_type,
                clash.name,
                existing=clash.existing,
                expected=clash.expected,
                remedy=clash.remedy,
            )

    event.listen(connection, "before_cursor_execute", before)
    try:
        yield
    finally:
        event.remove(connection, "before_cursor_execute", before)


def find_clash(cursor: Any, statement: str) -> NameClash | None:
    """What a statement clashes with, if anything; the transaction is as it was."""
    for pattern, find in _LOOKS:
        matched = pattern.fullmatch(statement.strip().removesuffix(";"))
        if matched is not None:
            with cursor.connection.cursor() as own:
                return find(own, matched)
    return None


def _index_clash(cursor: Any, claim: re.Match[str]) -> NameClash | None:
    cursor.execute(_RELATION, (claim["name"], claim["table"]))
    found = cursor.fetchone()
    if found is None:
        return None
    full, kind, definition, same_table = found
    wanted = " ".join(f"CREATE {claim['unique'] or ''}INDEX ON {claim['table']}{claim['rest']}".split())
    if kind not in {"i", "I"}:
        other = _KINDS.get(kind, "relation")
        return NameClash(
            other, full, f"a {other} of that name", wanted, f"Rename it: ALTER {_altered(kind)} {full} {_aside(full)};"
        )
    if same_table:

        def make(scratch: str) -> str:
            cursor.execute(f"CREATE {claim['unique'] or ''}INDEX {_SCRATCH}_index ON {scratch}{claim['rest']}")
            cursor.execute("SELECT pg_get_indexdef(%s::regclass)", (f"{scratch.rpartition('.')[0]}.{_SCRATCH}_index",))
            return str(cursor.fetchone()[0])

        made = _on_scratch(cursor, claim["table"], make)
        if made is None or _nameless(made) == _nameless(definition):
            return None
        wanted = made.replace(f"{_SCRATCH}_index", claim["name"], 1).replace(_SCRATCH, _bare(claim["table"]), 1)
    remedy = f"Rename it: ALTER INDEX {full} {_aside(full)}; or drop it: DROP INDEX CONCURRENTLY {full};"
    return NameClash("index", full, definition, wanted, remedy)


def _constraint_clash(cursor: Any, claim: re.Match[str]) -> NameClash | None:
    cursor.execute(_EXISTING_CONSTRAINT, (claim["table"], claim["name"]))
    found = cursor.fetchone()
    if found is None:
        return None
    table, definition, kind = found
    rest = claim["rest"]
    if re.search(r"\bUSING\s+INDEX\b", rest, re.IGNORECASE):
        keyed = "p" if rest.upper().startswith("PRIMARY") else "u"
        made = definition if kind == keyed else rest  # its index has been compared when it was made
    else:

        def make(scratch: str) -> str:
            cursor.execute(f"ALTER TABLE {scratch} ADD CONSTRAINT {_SCRATCH}_made {rest}")
            cursor.execute(
                "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = %s::regclass AND conname = %s",
                (scratch, f"{_SCRATCH}_made"),
            )
            return str(cursor.fetchone()[0])

        made = _on_scratch(cursor, claim["table"], make)
    if made is None or _validated(made) == _validated(definition):
        return None
    remedy = f"Rename it: ALTER TABLE {table} RENAME CONSTRAINT {claim['name']} TO {_with_suffix(claim['name'])};"
    remedy += f" or drop it: ALTER TABLE {table} DROP CONSTRAINT {claim['name']};"
    return NameClash("constraint", f"{claim['name']} of {table}", definition, made, remedy)


def _column_clash(cursor: Any, claim: re.Match[str]) -> NameClash | None:
    cursor.execute(_COLUMNS, (claim["table"],))
    existing = dict(cursor.fetchall())
    names = {_folded(cursor, added["name"]): added["name"] for added in _ADDED.finditer(claim["rest"])}
    there = {name: written for name, written in names.items() if name in existing}
    if not there:
        return None

    def make(scratch: str) -> dict[str, str]:
        for written in there.values():
            cursor.execute(f"ALTER TABLE {scratch} DROP COLUMN {written} CASCADE")
        cursor.execute(f"ALTER TABLE {scratch} {claim['rest']}")
        cursor.execute(_COLUMNS, (scratch,))
        return dict(cursor.fetchall())

    made = _on_scratch(cursor, claim["table"], make) or existing
    for name, written in there.items():
        if made[name] != existing[name]:
            table = claim["table"]
            remedy = f"Rename it: ALTER TABLE {table} RENAME COLUMN {written} TO {_with_suffix(written)};"
            return NameClash("column", f"{table}.{written}", existing[name], made[name], remedy)
    return None


def _table_clash(cursor: Any, claim: re.Match[str]) -> NameClash | None:
    cursor.execute(_COLUMNS, (claim["table"],))
    existing = dict(cursor.fetchall())
    if not existing:
        return None
    table = claim["table"]

    def make(scratch: str) -> dict[str, str]:
        cursor.execute(f"DROP TABLE {scratch}")
        cursor.execute(f"CREATE TABLE {scratch}{_NAMED_KEY.sub('', claim['rest'])}")
        cursor.execute(_COLUMNS, (scratch,))
        return dict(cursor.fetchall())

    made = _on_scratch(cursor, table, make) or {}
    lacking = {name: kind for name, kind in made.items() if existing.get(name) != kind}
    if not lacking:
        return None
    has, makes = (", ".join(f"{name} {kind}" for name, kind in columns.items()) for columns in (existing, made))
    remedy = f"Rename it: ALTER TABLE {table} RENAME TO {_with_suffix(_bare(table))};"
    return NameClash("table", table, has, makes, remedy)


_LOOKS: tuple[tuple[re.Pattern[str], Callable[[Any, re.Match[str]], NameClash | None]], ...] = (
    (_INDEX, _index_clash),
    (_CONSTRAINT, _constraint_clash),
    (_COLUMN, _column_clash),
    (_TABLE, _table_clash),
)


def _on_scratch(cursor: Any, table: str, make: Callable[[str], Any]) -> Any:
    """What is made on a copy of a table without rows, in its schema; None where it cannot be made there.

    The statement itself then says what is wrong with it. A role that may make no table there makes a temporary one.
    """
    cursor.execute(_TABLE_SCHEMA, (table,))
    (schema,) = cursor.fetchone()
    alone = cursor.connection.autocommit
    for place in (schema, "pg_temp"):
        cursor.execute("BEGIN" if alone else f"SAVEPOINT {_SCRATCH}")
        try:
            cursor.execute(f"CREATE TABLE {place}.{_SCRATCH} (LIKE {table})")
            return make(f"{place}.{_SCRATCH}")
        except psycopg2.errors.InsufficientPrivilege:
            continue
        except psycopg2.Error as error:
            if is_lock_error(error):
                raise
            return None
        finally:
            cursor.execute("ROLLBACK" if alone else f"ROLLBACK TO SAVEPOINT {_SCRATCH}")
    return None


def _folded(cursor: Any, written: str) -> str:
    """A name as the catalog has it, from how it is written in SQL."""
    cursor.execute("SELECT (parse_ident(%s))[1]::name", (written,))
    return str(cursor.fetchone()[0])


def _nameless(definition: str) -> str:
    """An index by what it is: unique or not, its method, and all that follows."""
    head, using, rest = definition.partition(" USING ")
    return f"{head.split(' INDEX ', 1)[0]}{using}{rest}"


def _validated(definition: str) -> str:
    return definition.removesuffix(" NOT VALID")


def _bare(qualified: str) -> str:
    return str(re.findall(_NAME, qualified)[-1])


def _with_suffix(written: str) -> str:
    return f'{written[:-1]}_old"' if written.endswith('"') else f"{written}_old"


def _aside(full: str) -> str:
    return f"RENAME TO {_with_suffix(_bare(full))}"


def _altered(kind: str) -> str:
    return {"v": "VIEW", "m": "MATERIALIZED VIEW", "S": "SEQUENCE", "f": "FOREIGN TABLE"}.get(kind, "TABLE")
