"""Stop a revision before it creates an object whose name another object in the database already has."""

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
_ADD_COLUMN = re.compile(rf"\bADD\s+(?:COLUMN\s+)?IF\s+NOT\s+EXISTS\s+(?P<name>{_NAME})", _FLAGS)
_TABLE = re.compile(
    rf"\s*CREATE\s+(?:UNLOGGED\s+)?TABLE\s+IF\s+NOT\s+EXISTS\s+(?P<table>{_QUALIFIED})(?P<rest>\s*\(.*)", _FLAGS
)
_NAMED_KEY = re.compile(rf"\bCONSTRAINT\s+{_NAME}\s+(?=PRIMARY|UNIQUE|EXCLUDE)", _FLAGS)

_SCRATCH_TABLE = "seedbed_scratch"
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
_RELATION_TYPES = {
    "r": "table",
    "p": "table",
    "f": "foreign table",
    "v": "view",
    "m": "materialized view",
    "S": "sequence",
}


@dataclass(frozen=True)
class NameClash:
    """A name in use: the existing object, the expected one, and a statement that resolves the clash."""

    object_type: str
    name: str
    existing: str
    expected: str
    remedy: str


@contextmanager
def refuse_name_clashes(connection: Connection, database: str) -> Iterator[None]:
    """Raise an error, within a block, before a statement creates an object whose name another object has.

    IF NOT EXISTS compares only the name, and would accept the other object. An existing object with the same definition
    is accepted. The definitions are compared as PostgreSQL prints them: the expected one is created on an empty copy of
    the table, and rolled back.

    Raises:
        ObjectNameConflict: with both definitions. The statement has not run.
    """

    def check_statement(
        _c: object, cursor: Any, statement: str, _parameters: object, context: Any, _many: bool
    ) -> None:
        compiled = getattr(context, "compiled", None) is not None  # SQLAlchemy doubles each %
        clash = find_clash(cursor, statement.replace("%%", "%") if compiled else statement)
        if clash is not None:
            definitions = {"existing": clash.existing, "expected": clash.expected}
            raise ObjectNameConflict(database, clash.object_type, clash.name, **definitions, remedy=clash.remedy)

    event.listen(connection, "before_cursor_execute", check_statement)
    try:
        yield
    finally:
        event.remove(connection, "before_cursor_execute", check_statement)


def find_clash(cursor: Any, statement: str) -> NameClash | None:
    """Return the name clash of a statement, or None. The transaction is left as it was."""
    for pattern, find in _CHECKS:
        match = pattern.fullmatch(statement.strip().removesuffix(";"))
        if match is not None:
            with cursor.connection.cursor() as own_cursor:
                return find(own_cursor, match)
    return None


def _find_index_clash(cursor: Any, match: re.Match[str]) -> NameClash | None:
    cursor.execute(_RELATION, (match["name"], match["table"]))
    row = cursor.fetchone()
    if row is None:
        return None
    full_name, relkind, definition, same_table = row
    expected = " ".join(f"CREATE {match['unique'] or ''}INDEX ON {match['table']}{match['rest']}".split())
    if relkind not in {"i", "I"}:
        object_type = _RELATION_TYPES.get(relkind, "relation")
        return NameClash(
            object_type,
            full_name,
            f"a {object_type} of that name",
            expected,
            f"Rename it: ALTER {_get_alter_keyword(relkind)} {full_name} {_format_rename(full_name)};",
        )
    if same_table:

        def create_index(scratch: str) -> str:
            cursor.execute(f"CREATE {match['unique'] or ''}INDEX {_SCRATCH_TABLE}_index ON {scratch}{match['rest']}")
            cursor.execute(
                "SELECT pg_get_indexdef(%s::regclass)", (f"{scratch.rpartition('.')[0]}.{_SCRATCH_TABLE}_index",)
            )
            return str(cursor.fetchone()[0])

        created = _create_on_copy(cursor, match["table"], create_index)
        if created is None or _strip_index_name(created) == _strip_index_name(definition):
            return None
        expected = created.replace(f"{_SCRATCH_TABLE}_index", match["name"], 1).replace(
            _SCRATCH_TABLE, _get_table_name(match["table"]), 1
        )
    remedy = f"Rename it: ALTER INDEX {full_name} {_format_rename(full_name)};"
    remedy += f" or drop it: DROP INDEX CONCURRENTLY {full_name};"
    return NameClash("index", full_name, definition, expected, remedy)


def _find_constraint_clash(cursor: Any, match: re.Match[str]) -> NameClash | None:
    cursor.execute(_EXISTING_CONSTRAINT, (match["table"], match["name"]))
    row = cursor.fetchone()
    if row is None:
        return None
    table, definition, contype = row
    rest = match["rest"]
    if re.search(r"\bUSING\s+INDEX\b", rest, re.IGNORECASE):
        expected_contype = "p" if rest.upper().startswith("PRIMARY") else "u"
        created = definition if contype == expected_contype else rest  # its index was compared when it was created
    else:

        def create_constraint(scratch: str) -> str:
            cursor.execute(f"ALTER TABLE {scratch} ADD CONSTRAINT {_SCRATCH_TABLE}_made {rest}")
            cursor.execute(
                "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = %s::regclass AND conname = %s",
                (scratch, f"{_SCRATCH_TABLE}_made"),
            )
            return str(cursor.fetchone()[0])

        created = _create_on_copy(cursor, match["table"], create_constraint)
    if created is None or _strip_not_valid(created) == _strip_not_valid(definition):
        return None
    remedy = f"Rename it: ALTER TABLE {table} RENAME CONSTRAINT {match['name']} TO {_add_suffix(match['name'])};"
    remedy += f" or drop it: ALTER TABLE {table} DROP CONSTRAINT {match['name']};"
    return NameClash("constraint", f"{match['name']} of {table}", definition, created, remedy)


def _find_column_clash(cursor: Any, match: re.Match[str]) -> NameClash | None:
    cursor.execute(_COLUMNS, (match["table"],))
    existing = dict(cursor.fetchall())
    sql_names = {_fold_name(cursor, added["name"]): added["name"] for added in _ADD_COLUMN.finditer(match["rest"])}
    clashing = {name: sql_name for name, sql_name in sql_names.items() if name in existing}
    if not clashing:
        return None

    def create_columns(scratch: str) -> dict[str, str]:
        for sql_name in clashing.values():
            cursor.execute(f"ALTER TABLE {scratch} DROP COLUMN {sql_name} CASCADE")
        cursor.execute(f"ALTER TABLE {scratch} {match['rest']}")
        cursor.execute(_COLUMNS, (scratch,))
        return dict(cursor.fetchall())

    created = _create_on_copy(cursor, match["table"], create_columns) or existing
    for name, sql_name in clashing.items():
        if created[name] != existing[name]:
            table = match["table"]
            remedy = f"Rename it: ALTER TABLE {table} RENAME COLUMN {sql_name} TO {_add_suffix(sql_name)};"
            return NameClash("column", f"{table}.{sql_name}", existing[name], created[name], remedy)
    return None


def _find_table_clash(cursor: Any, match: re.Match[str]) -> NameClash | None:
    cursor.execute(_COLUMNS, (match["table"],))
    existing = dict(cursor.fetchall())
    if not existing:
        return None
    table = match["table"]

    def create_table(scratch: str) -> dict[str, str]:
        cursor.execute(f"DROP TABLE {scratch}")
        cursor.execute(f"CREATE TABLE {scratch}{_NAMED_KEY.sub('', match['rest'])}")
        cursor.execute(_COLUMNS, (scratch,))
        return dict(cursor.fetchall())

    created = _create_on_copy(cursor, table, create_table) or {}
    different = {name: column_type for name, column_type in created.items() if existing.get(name) != column_type}
    if not different:
        return None
    existing_columns, created_columns = (
        ", ".join(f"{name} {column_type}" for name, column_type in columns.items()) for columns in (existing, created)
    )
    remedy = f"Rename it: ALTER TABLE {table} RENAME TO {_add_suffix(_get_table_name(table))};"
    return NameClash("table", table, existing_columns, created_columns, remedy)


_CHECKS: tuple[tuple[re.Pattern[str], Callable[[Any, re.Match[str]], NameClash | None]], ...] = (
    (_INDEX, _find_index_clash),
    (_CONSTRAINT, _find_constraint_clash),
    (_COLUMN, _find_column_clash),
    (_TABLE, _find_table_clash),
)


def _create_on_copy(cursor: Any, table: str, create: Callable[[str], Any]) -> Any:
    """Return what `create` returns for an empty copy of a table in the same schema; None where the copy cannot be
    created.

    The statement itself then reports what is wrong with it. If the role may not create tables there, the copy is
    temporary.
    """
    cursor.execute(_TABLE_SCHEMA, (table,))
    (table_schema,) = cursor.fetchone()
    in_autocommit = cursor.connection.autocommit
    for schema in (table_schema, "pg_temp"):
        cursor.execute("BEGIN" if in_autocommit else f"SAVEPOINT {_SCRATCH_TABLE}")
        try:
            cursor.execute(f"CREATE TABLE {schema}.{_SCRATCH_TABLE} (LIKE {table})")
            return create(f"{schema}.{_SCRATCH_TABLE}")
        except psycopg2.errors.InsufficientPrivilege:
            continue
        except psycopg2.Error as error:
            if is_lock_error(error):
                raise
            return None
        finally:
            cursor.execute("ROLLBACK" if in_autocommit else f"ROLLBACK TO SAVEPOINT {_SCRATCH_TABLE}")
    return None


def _fold_name(cursor: Any, sql_name: str) -> str:
    """Return a name as the catalog has it, from its spelling in SQL."""
    cursor.execute("SELECT (parse_ident(%s))[1]::name", (sql_name,))
    return str(cursor.fetchone()[0])


def _strip_index_name(definition: str) -> str:
    """Return an index definition without its name: whether it is unique, its method, and the rest."""
    head, using, rest = definition.partition(" USING ")
    return f"{head.split(' INDEX ', 1)[0]}{using}{rest}"


def _strip_not_valid(definition: str) -> str:
    return definition.removesuffix(" NOT VALID")


def _get_table_name(qualified: str) -> str:
    return str(re.findall(_NAME, qualified)[-1])


def _add_suffix(sql_name: str) -> str:
    return f'{sql_name[:-1]}_old"' if sql_name.endswith('"') else f"{sql_name}_old"


def _format_rename(full_name: str) -> str:
    return f"RENAME TO {_add_suffix(_get_table_name(full_name))}"


def _get_alter_keyword(relkind: str) -> str:
    return {"v": "VIEW", "m": "MATERIALIZED VIEW", "S": "SEQUENCE", "f": "FOREIGN TABLE"}.get(relkind, "TABLE")
