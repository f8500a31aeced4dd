"""What a database holds that the models do not describe, and that masking would leave as it is."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from psycopg2 import sql
from sqlalchemy import MetaData, Table

from seedbed.errors import (
    ConflictingMaskingOptions,
    EmptiedTableReferenced,
    ExposedOriginalValues,
    InvalidEmptyTarget,
    UnknownMaskingTarget,
    UnmodeledData,
)
from seedbed.seeding.masking.exceptions import Exceptions, Path, shown
from seedbed.seeding.masking.personal_columns import name_of
from seedbed.seeding.masking.tables.relations import Relation, Relations, read_relations

LARGE_OBJECTS: Path = ("pg_catalog", "pg_largeobject")
"""The name by which large objects are kept or emptied: the system's table that holds them."""

_REFERENCES = """
SELECT conrelid::regclass::text, confrelid::regclass::text FROM pg_constraint
WHERE contype = 'f' AND confrelid = ANY (%(oids)s) AND NOT conrelid = ANY (%(oids)s) ORDER BY 1, 2
"""
_EMPTY_VALUE = """
SELECT format_type(a.atttypid, a.atttypmod), a.attnotnull, pg_get_expr(d.adbin, d.adrelid)
FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
WHERE a.attrelid = %s AND a.attname = %s
"""
_READABLE_ELSEWHERE = """
SELECT 'the prepared transaction ' || quote_literal(gid), 'ROLLBACK PREPARED ' || quote_literal(gid)
FROM pg_prepared_xacts WHERE database = current_database()
UNION ALL
SELECT 'the replication slot ' || slot_name, 'SELECT pg_drop_replication_slot(' || quote_literal(slot_name) || ')'
FROM pg_replication_slots WHERE database = current_database() AND NOT temporary
UNION ALL
SELECT 'the subscription ' || subname, 'ALTER SUBSCRIPTION ' || quote_ident(subname) || ' DISABLE'
FROM pg_subscription WHERE subdbid = (SELECT oid FROM pg_database WHERE datname = current_database()) AND subenabled
ORDER BY 1
"""


@dataclass(frozen=True)
class Coverage:
    """Which tables the models describe, and what the user has emptied or kept of the rest.

    `models` has the models' tables that describe a relation, by its OID: its own first, then those it inherits from.
    `emptied_columns` has the expression for a column's new value, by OID and column.
    """

    relations: Relations
    models: Mapping[int, tuple[Table, ...]]
    emptied: tuple[Relation, ...]
    emptied_columns: Mapping[int, Mapping[str, str]]
    kept: tuple[str, ...]
    empties_large_objects: bool

    @property
    def emptied_names(self) -> tuple[str, ...]:
        paths = [relation.path for relation in self.emptied]
        for oid, columns in self.emptied_columns.items():
            paths += [(*self.relations.by_oid[oid].path, column) for column in columns]
        return tuple(shown(path) for path in [*paths, *([LARGE_OBJECTS] if self.empties_large_objects else [])])


def check_readable_elsewhere(cursor: Any) -> None:
    """See that nothing outside of the tables has original values, or brings them in later.

    Raises:
        ExposedOriginalValues: a prepared transaction, a replication slot or an active subscription would.
    """
    cursor.execute(_READABLE_ELSEWHERE)
    if found := cursor.fetchall():
        raise ExposedOriginalValues(found)


def read_coverage(cursor: Any, metadata: MetaData, exceptions: Exceptions, *, version_table: str) -> Coverage:
    """Find what the models do not describe, and see that all of it is to be kept or emptied.

    Tables of extensions, Alembic's version table and the schema `seedbed` hold no data of the user. A partition or an
    inheritance child is described with its parent, except for columns of its own. A generated column is computed from
    the others, so it needs no description.

    Raises:
        UnknownMaskingTarget, ConflictingMaskingOptions: an exception names nothing, or two contradict.
        UnmodeledData: tables, columns or large objects are neither described nor kept nor emptied.
        InvalidEmptyTarget, EmptiedTableReferenced: what is to be emptied cannot be.
    """
    relations = read_relations(cursor)
    models = _models(cursor, metadata, relations)
    _check_exceptions(relations, exceptions)
    version = _oid(cursor, version_table)
    tables = {
        relation.path
        for relation in relations
        if relation.oid not in models and relation.oid != version and _stands_alone(relation, relations)
    }
    columns = {
        (*origin.path, column)
        for relation in relations
        for column, origin in _undescribed_columns(relation, relations, models)
    }
    cursor.execute("SELECT EXISTS (SELECT FROM pg_largeobject_metadata)")
    large = {LARGE_OBJECTS} if cursor.fetchone()[0] else set()
    found_paths = sorted({*tables, *columns, *large}, key=shown)
    if left := [path for path in found_paths if not exceptions.keeps(path) and not exceptions.empties(path)]:
        raise UnmodeledData([shown(path) for path in left])
    return Coverage(
        relations,
        models,
        emptied=_emptied_tables(cursor, relations, exceptions),
        emptied_columns=_emptied_columns(cursor, relations, models, exceptions),
        kept=tuple(shown(path) for path in found_paths if exceptions.keeps(path)),
        empties_large_objects=exceptions.empties(LARGE_OBJECTS) and bool(large),
    )


def _models(cursor: Any, metadata: MetaData, relations: Relations) -> dict[int, tuple[Table, ...]]:
    models: dict[int, tuple[Table, ...]] = {}
    own: dict[int, Table] = {}
    for table in metadata.sorted_tables:
        cursor.execute("SELECT to_regclass(%s)::oid", (name_of(table).as_string(cursor),))
        (oid,) = cursor.fetchone()
        if oid is not None:
            own[oid] = table
    for relation in relations:
        line = (relation, *relations.ancestors(relation.oid))
        if described := [own[one.oid] for one in line if one.oid in own]:
            models[relation.oid] = tuple(dict.fromkeys(described))
    return models


def _check_exceptions(relations: Relations, exceptions: Exceptions) -> None:
    paths = [LARGE_OBJECTS]
    for relation in relations:
        paths += [relation.path, *((*relation.path, column) for column in relation.columns)]
    if unmatched := exceptions.unmatched(paths):
        raise UnknownMaskingTarget(unmatched)
    if both := [path for path in paths if exceptions.keeps(path) and exceptions.empties(path)]:
        raise ConflictingMaskingOptions([shown(path) for path in both])


def _oid(cursor: Any, table: str) -> int | None:
    schema, _, name = table.rpartition(".")
    quoted = sql.Identifier(schema, name) if schema else sql.Identifier(name)
    cursor.execute("SELECT to_regclass(%s)::oid", (quoted.as_string(cursor),))
    oid: int | None = cursor.fetchone()[0]
    return oid


def _stands_alone(relation: Relation, relations: Relations) -> bool:
    """Whether a table is to be named itself: a partition is part of its root, and extensions look after theirs."""
    line = (relation, *relations.ancestors(relation.oid))
    return not relation.is_partition and not any(one.of_extension for one in line)


def _undescribed_columns(
    relation: Relation, relations: Relations, models: Mapping[int, tuple[Table, ...]]
) -> Iterable[tuple[str, Relation]]:
    """The columns that no model describes, each with the described table that it was inherited from at first."""
    known = {column.name for table in models.get(relation.oid, ()) for column in table.columns}
    if not known:
        return
    for column in relation.columns:
        if column not in known:
            line = (relation, *relations.ancestors(relation.oid))
            yield column, [one for one in line if one.oid in models and column in one.columns][-1]


def _emptied_tables(cursor: Any, relations: Relations, exceptions: Exceptions) -> tuple[Relation, ...]:
    emptied: dict[int, Relation] = {}
    for relation in relations:
        if exceptions.empties(relation.path):
            emptied |= {one.oid: one for one in relations.descendants(relation.oid)}
    for relation in emptied.values():
        if relation.is_foreign:
            raise InvalidEmptyTarget(shown(relation.path), "its rows are in another database")
        if relation.of_extension:
            raise InvalidEmptyTarget(shown(relation.path), "it belongs to an extension")
        if exceptions.keeps(relation.path):
            raise ConflictingMaskingOptions([shown(relation.path)])
    cursor.execute(_REFERENCES, {"oids": list(emptied)})
    if references := [pair for pair in cursor.fetchall() if emptied]:
        raise EmptiedTableReferenced(references)
    return tuple(emptied.values())


def _emptied_columns(
    cursor: Any, relations: Relations, models: Mapping[int, tuple[Table, ...]], exceptions: Exceptions
) -> dict[int, dict[str, str]]:
    emptied: dict[int, dict[str, str]] = {}
    for relation in relations:
        if relation.oid not in models:
            continue
        line = (relation, *(one for one in relations.ancestors(relation.oid) if one.oid in models))
        for column in relation.columns:
            if any(column in one.columns and exceptions.empties((*one.path, column)) for one in line):
                emptied.setdefault(relation.oid, {})[column] = _empty_value(cursor, relation, column)
    return emptied


def _empty_value(cursor: Any, relation: Relation, column: str) -> str:
    cursor.execute(_EMPTY_VALUE, (relation.oid, column))
    type_, not_null, default = cursor.fetchone()
    if not not_null:
        return f"NULL::{type_}"
    if default is None:
        raise InvalidEmptyTarget(shown((*relation.path, column)), "it is NOT NULL and has no default")
    return f"({default})::{type_}"
