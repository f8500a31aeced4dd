"""Data that the models do not describe, and the exceptions that keep or empty it."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
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
from seedbed.postgres.quoting import delimit_identifier
from seedbed.seeding.masking.personal_columns import build_identifier
from seedbed.seeding.masking.tables.relations import Relation, Relations, read_relations
from seedbed.settings import Project

Path = tuple[str, ...]
"""The parts of a name: schema, table and, for a column, its name."""

_PART = re.compile(r'"((?:[^"]|"")*)"|([^."]+)')
_IMPLIED = ("public", "pg_catalog")


@dataclass(frozen=True)
class MaskingExceptions:
    """Patterns of tables and columns, such as `audit.log`, `person.legacy` or `neon_auth.*`; `public.` is optional.

    `required` has the patterns that must match something: those from the command line. A project's settings apply to
    several databases, which can have different tables.
    """

    keep: tuple[str, ...] = ()
    empty: tuple[str, ...] = ()
    required: frozenset[str] = frozenset()

    @classmethod
    def from_project(cls, project: Project, keep: Sequence[str] = (), empty: Sequence[str] = ()) -> "MaskingExceptions":
        """Combine the exceptions in a project's settings with those from the command line."""
        return cls((*project.masking_keep, *keep), (*project.masking_empty, *empty), frozenset([*keep, *empty]))

    def keeps(self, path: Path) -> bool:
        return any(matches(pattern, path) for pattern in self.keep)

    def empties(self, path: Path) -> bool:
        return any(matches(pattern, path) for pattern in self.empty)

    def list_unmatched(self, paths: Iterable[Path]) -> list[str]:
        """List the required patterns that match none of these paths."""
        candidates = list(paths)
        return sorted(pattern for pattern in self.required if not any(matches(pattern, path) for path in candidates))


def matches(pattern: str, path: Path) -> bool:
    """Compare a pattern with a path part by part, so that `*` never matches a dot."""
    parts = [(quoted.replace('""', '"'), plain) for quoted, plain in _PART.findall(pattern)]
    forms = [path, path[1:]] if path[0] in _IMPLIED else [path]
    return any(
        len(form) == len(parts)
        and all(
            fnmatchcase(name, plain) if plain else name == quoted
            for name, (quoted, plain) in zip(form, parts, strict=True)
        )
        for form in forms
    )


def format_path(path: Path) -> str:
    """Format a path as messages show it and options accept it."""
    parts = path[1:] if path[0] in _IMPLIED else path
    return ".".join(part if re.fullmatch(r"[^.\"*?\[\s]+", part) else delimit_identifier(part) for part in parts)


LARGE_OBJECTS: Path = ("pg_catalog", "pg_largeobject")
"""The name for keeping or emptying large objects: the system table that stores them."""

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
    """The tables that the models describe, and the other data that masking empties or keeps.

    `models` has, by OID, the model's tables for a relation: its own first, then those it inherits from.
    `emptied_columns` has, by OID and column, the expression for the new value.
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
        return tuple(format_path(path) for path in [*paths, *([LARGE_OBJECTS] if self.empties_large_objects else [])])


def check_readable_elsewhere(cursor: Any) -> None:
    """Check that nothing outside the tables has original values or can bring them back.

    Raises:
        ExposedOriginalValues: there is a prepared transaction, a replication slot or an active subscription.
    """
    cursor.execute(_READABLE_ELSEWHERE)
    if sources := cursor.fetchall():
        raise ExposedOriginalValues(sources)


def read_coverage(cursor: Any, metadata: MetaData, exceptions: MaskingExceptions, *, version_table: str) -> Coverage:
    """Find the data that the models do not describe, and check that an exception keeps or empties all of it.

    Tables of extensions, Alembic's version table and the schema `seedbed` need no exception. A partition or an
    inheritance child is described by its parent's model, except for its own columns. A generated column is computed
    from other columns, so it needs no description.

    Raises:
        UnknownMaskingTarget, ConflictingMaskingOptions: an exception names nothing, or two contradict.
        UnmodeledData: tables, columns or large objects are not described, kept or emptied.
        InvalidEmptyTarget, EmptiedTableReferenced: a table or column cannot be emptied.
    """
    relations = read_relations(cursor)
    models = _match_models(cursor, metadata, relations)
    _check_exceptions(relations, exceptions)
    version_oid = _read_oid(cursor, version_table)
    tables = {
        relation.path
        for relation in relations
        if relation.oid not in models and relation.oid != version_oid and _needs_exception(relation, relations)
    }
    columns = {
        (*origin.path, column)
        for relation in relations
        for column, origin in _find_undescribed_columns(relation, relations, models)
    }
    cursor.execute("SELECT EXISTS (SELECT FROM pg_largeobject_metadata)")
    large_objects = {LARGE_OBJECTS} if cursor.fetchone()[0] else set()
    paths = sorted({*tables, *columns, *large_objects}, key=format_path)
    if uncovered := [path for path in paths if not exceptions.keeps(path) and not exceptions.empties(path)]:
        raise UnmodeledData([format_path(path) for path in uncovered])
    return Coverage(
        relations,
        models,
        emptied=_find_emptied_tables(cursor, relations, exceptions),
        emptied_columns=_find_emptied_columns(cursor, relations, models, exceptions),
        kept=tuple(format_path(path) for path in paths if exceptions.keeps(path)),
        empties_large_objects=exceptions.empties(LARGE_OBJECTS) and bool(large_objects),
    )


def _match_models(cursor: Any, metadata: MetaData, relations: Relations) -> dict[int, tuple[Table, ...]]:
    models: dict[int, tuple[Table, ...]] = {}
    own_models: dict[int, Table] = {}
    for table in metadata.sorted_tables:
        cursor.execute("SELECT to_regclass(%s)::oid", (build_identifier(table).as_string(cursor),))
        (oid,) = cursor.fetchone()
        if oid is not None:
            own_models[oid] = table
    for relation in relations:
        lineage = (relation, *relations.ancestors(relation.oid))
        if tables := [own_models[member.oid] for member in lineage if member.oid in own_models]:
            models[relation.oid] = tuple(dict.fromkeys(tables))
    return models


def _check_exceptions(relations: Relations, exceptions: MaskingExceptions) -> None:
    paths = [LARGE_OBJECTS]
    for relation in relations:
        paths += [relation.path, *((*relation.path, column) for column in relation.columns)]
    if unmatched := exceptions.list_unmatched(paths):
        raise UnknownMaskingTarget(unmatched)
    if conflicting := [path for path in paths if exceptions.keeps(path) and exceptions.empties(path)]:
        raise ConflictingMaskingOptions([format_path(path) for path in conflicting])


def _read_oid(cursor: Any, table: str) -> int | None:
    schema, _, name = table.rpartition(".")
    quoted = sql.Identifier(schema, name) if schema else sql.Identifier(name)
    cursor.execute("SELECT to_regclass(%s)::oid", (quoted.as_string(cursor),))
    oid: int | None = cursor.fetchone()[0]
    return oid


def _needs_exception(relation: Relation, relations: Relations) -> bool:
    """Whether an exception has to name this table: a partition belongs to its root, and extensions own their tables."""
    lineage = (relation, *relations.ancestors(relation.oid))
    return not relation.is_partition and not any(member.belongs_to_extension for member in lineage)


def _find_undescribed_columns(
    relation: Relation, relations: Relations, models: Mapping[int, tuple[Table, ...]]
) -> Iterable[tuple[str, Relation]]:
    """Find the columns that no model describes, each with the topmost described table that has it."""
    described = {column.name for table in models.get(relation.oid, ()) for column in table.columns}
    if not described:
        return
    for column in relation.columns:
        if column not in described:
            lineage = (relation, *relations.ancestors(relation.oid))
            yield column, [member for member in lineage if member.oid in models and column in member.columns][-1]


def _find_emptied_tables(cursor: Any, relations: Relations, exceptions: MaskingExceptions) -> tuple[Relation, ...]:
    emptied: dict[int, Relation] = {}
    for relation in relations:
        if exceptions.empties(relation.path):
            emptied |= {member.oid: member for member in relations.descendants(relation.oid)}
    for relation in emptied.values():
        if relation.is_foreign:
            raise InvalidEmptyTarget(format_path(relation.path), "its rows are in another database")
        if relation.belongs_to_extension:
            raise InvalidEmptyTarget(format_path(relation.path), "it belongs to an extension")
        if exceptions.keeps(relation.path):
            raise ConflictingMaskingOptions([format_path(relation.path)])
    cursor.execute(_REFERENCES, {"oids": list(emptied)})
    if references := [pair for pair in cursor.fetchall() if emptied]:
        raise EmptiedTableReferenced(references)
    return tuple(emptied.values())


def _find_emptied_columns(
    cursor: Any, relations: Relations, models: Mapping[int, tuple[Table, ...]], exceptions: MaskingExceptions
) -> dict[int, dict[str, str]]:
    emptied: dict[int, dict[str, str]] = {}
    for relation in relations:
        if relation.oid not in models:
            continue
        lineage = (relation, *(member for member in relations.ancestors(relation.oid) if member.oid in models))
        for column in relation.columns:
            if any(column in member.columns and exceptions.empties((*member.path, column)) for member in lineage):
                emptied.setdefault(relation.oid, {})[column] = _build_empty_value(cursor, relation, column)
    return emptied


def _build_empty_value(cursor: Any, relation: Relation, column: str) -> str:
    cursor.execute(_EMPTY_VALUE, (relation.oid, column))
    type_, not_null, default = cursor.fetchone()
    if not not_null:
        return f"NULL::{type_}"
    if default is None:
        raise InvalidEmptyTarget(format_path((*relation.path, column)), "it is NOT NULL and has no default")
    return f"({default})::{type_}"
