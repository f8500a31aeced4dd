"""Masking of a database: personal data is replaced with fake values."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg2

from seedbed.errors import PersonalForeignTable, RejectedMaskedValues, UnmarkedSourceColumns
from seedbed.postgres.connection import connect
from seedbed.postgres.database import Database, refuse_pooler
from seedbed.postgres.environment_mark import DestructiveAction, refuse_protected_database
from seedbed.schema import Schema
from seedbed.seeding.core.faker_pool import FakerPools
from seedbed.seeding.masking.coverage import (
    Coverage,
    MaskingExceptions,
    check_readable_elsewhere,
    format_path,
    read_coverage,
)
from seedbed.seeding.masking.personal_columns import NULL_KIND, MarkedColumn, build_identifier, find_marked_columns
from seedbed.seeding.masking.random_ranks import Ranks, assign_ranks
from seedbed.seeding.masking.replacements import Replacements
from seedbed.seeding.masking.tables.constraint_suspension import ForeignKeys, suspend_triggers
from seedbed.seeding.masking.tables.derived_data import (
    list_materialized_views,
    recreate_statistics,
    refresh_materialized_views,
    vacuum_catalogs,
)
from seedbed.seeding.masking.tables.physical_layout import has_missing_values
from seedbed.seeding.masking.tables.relations import Relation
from seedbed.seeding.masking.tables.rewrite import RewriteTarget, rewrite_tables

_SOURCES = """
SELECT DISTINCT s.attname::text FROM pg_attribute g
JOIN pg_attrdef x ON x.adrelid = g.attrelid AND x.adnum = g.attnum
JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = g.attrelid AND d.refobjsubid > 0
  AND (d.classid = 'pg_attrdef'::regclass AND d.objid = x.oid
    OR d.classid = 'pg_class'::regclass AND d.objid = g.attrelid AND d.objsubid = g.attnum)
JOIN pg_attribute s ON s.attrelid = g.attrelid AND s.attnum = d.refobjsubid AND s.attnum <> g.attnum
WHERE g.attrelid = %s::regclass AND g.attname = %s AND g.attgenerated <> '' ORDER BY 1
"""
_IS_GENERATED = "SELECT attgenerated <> '' FROM pg_attribute WHERE attrelid = %s::regclass AND attname = %s"


@dataclass(frozen=True)
class MaskedDatabase:
    """The result of masking a database.

    `columns` has the number of distinct values of each marked column, by names such as `user.email`. `reloaded` has the
    tables that were truncated and loaded again. `emptied` and `kept` name data that the models do not describe.
    `unclean` has the system tables that the role could not vacuum: their dead rows may hold original values.
    """

    database: str
    columns: Mapping[str, int]
    reloaded: tuple[str, ...]
    emptied: tuple[str, ...]
    kept: tuple[str, ...]
    unclean: tuple[str, ...]


def mask(
    schema: Schema,
    database: Database,
    pools: FakerPools,
    *,
    exceptions: MaskingExceptions | None = None,
    version_table: str = "alembic_version",
) -> MaskedDatabase:
    """Replace every marked value with a fake value.

    Equal values of a kind get equal fake values, so joins work and unique columns stay unique. The assignment is random
    for each call and is not stored, so nobody can compute an original from a fake value. The frequency of each value
    and the primary key of each row stay visible.

    Masking is one transaction: after a failure or a kill, all original values are still there. Triggers and rules do
    not fire. The same transaction refreshes materialized views and statistics. Afterwards the system tables of
    statistics are vacuumed, because their dead rows hold original values. The server's log, its WAL and backups, and
    Neon's history keep the originals.

    Raises:
        NoPersonalColumns, UnmarkedPersonalColumns, UnknownPersonalDataKind: as for `find_marked_columns`.
        ProtectedEnvironment, EnvironmentMismatch, UnmarkedDatabase: the database's mark, or a missing one, forbids it.
        ExposedOriginalValues: as for `check_readable_elsewhere`.
        UnmodeledData and others: as for `read_coverage`.
        PersonalForeignTable: a table with marked columns, or a partition of it, is a foreign table.
        UnmarkedSourceColumns: a marked column is generated from columns that keep their values.
        StaleStatistics: as for `recreate_statistics`.
        RejectedMaskedValues: the new values break a rule of a table.
    """
    replacements = Replacements(pools)
    marked = find_marked_columns(schema, pools)
    refuse_pooler(database, trust_url=database.url != database.direct)
    with connect(database, application="seedbed mask") as connection:
        refuse_protected_database(connection, database, DestructiveAction.MASK)
        connection.rollback()
        driver_connection: Any = connection.connection
        cursor = driver_connection.cursor()
        try:
            _configure_session(cursor)
            check_readable_elsewhere(cursor)
            coverage = read_coverage(
                cursor, schema.metadata, exceptions or MaskingExceptions(), version_table=version_table
            )
            columns = [MarkedColumn.read(cursor, *mark) for mark in marked]
            _check_generated(cursor, columns)
            masked_columns = _map_masked_columns(coverage, columns)
            changed_relations = {oid: coverage.relations.by_oid[oid] for oid in masked_columns} | {
                relation.oid: relation for relation in coverage.emptied
            }
            _lock_tables(cursor, changed_relations.values())
            missing_values = has_missing_values(cursor, list(changed_relations))
            with suspend_triggers(cursor, changed_relations):
                _delete_emptied_data(cursor, coverage)
                foreign_keys = ForeignKeys(cursor)
                ranks, counts = assign_ranks(cursor, columns)
                values = {
                    oid: {name: _build_value(cursor, mark, ranks, replacements) for name, mark in marks.items()}
                    for oid, marks in masked_columns.items()
                }
                inheriting = _find_inheriting(coverage, masked_columns)
                reloaded = rewrite_tables(cursor, _build_targets(coverage, values), foreign_keys, inheriting=inheriting)
                foreign_keys.restore()
                recreate_statistics(cursor, changed_relations)
            cursor.execute("SET LOCAL row_security = on")  # a view contains the rows that its owner can see
            refresh_materialized_views(cursor)
            recreate_statistics(cursor, list_materialized_views(cursor))
            driver_connection.commit()
        except psycopg2.Error as error:
            driver_connection.rollback()
            raise RejectedMaskedValues(database.name, error.diag.message_primary or type(error).__name__) from error
        cursor.connection.autocommit = True
        unclean = vacuum_catalogs(cursor, large_objects=coverage.empties_large_objects, missing_values=missing_values)
    pools.save()
    return MaskedDatabase(database.name, counts, tuple(reloaded), coverage.emptied_names, coverage.kept, unclean)


def check_coverage(schema: Schema, database: Database, exceptions: MaskingExceptions, *, version_table: str) -> None:
    """Check that masking a copy of this database would cover all of its data; nothing is changed.

    Raises:
        UnmodeledData and others: as for `read_coverage`.
    """
    with connect(database, application="seedbed mask") as connection:
        driver: Any = connection.connection
        read_coverage(driver.cursor(), schema.metadata, exceptions, version_table=version_table)


def _configure_session(cursor: Any) -> None:
    cursor.execute("SET LOCAL row_security = off")  # hidden rows raise an error instead of being skipped
    cursor.execute("SET LOCAL work_mem = '128MB'; SET LOCAL maintenance_work_mem = '256MB'")


def _lock_tables(cursor: Any, relations: Iterable[Relation]) -> None:
    for relation in relations:
        cursor.execute(f"LOCK TABLE {relation.quoted} IN ACCESS EXCLUSIVE MODE")


def _delete_emptied_data(cursor: Any, coverage: Coverage) -> None:
    if coverage.emptied:
        cursor.execute(f"TRUNCATE {', '.join(relation.quoted for relation in coverage.emptied)}")
    if coverage.empties_large_objects:
        cursor.execute("SELECT lo_unlink(oid) FROM pg_largeobject_metadata")


def _map_masked_columns(
    coverage: Coverage, columns: Sequence[MarkedColumn]
) -> dict[int, dict[str, MarkedColumn | str]]:
    """Map each table, by OID, to its columns that change: the marked column, or the expression that empties it.

    A table's own marks override those of tables it inherits from.
    """
    by_table: dict[str, dict[str, MarkedColumn]] = {}
    for column in columns:
        by_table.setdefault(column.table.key, {})[column.column.name] = column
    masked: dict[int, dict[str, MarkedColumn | str]] = {}
    for oid, tables in coverage.models.items():
        relation = coverage.relations.by_oid[oid]
        marks = {name: mark for table in reversed(tables) for name, mark in by_table.get(table.key, {}).items()}
        stored_marks = {name: mark for name, mark in marks.items() if name in relation.columns}
        if stored_marks or oid in coverage.emptied_columns:
            if relation.is_foreign:
                raise PersonalForeignTable(format_path(relation.path))
            masked[oid] = {**stored_marks, **coverage.emptied_columns.get(oid, {})}
    return masked


def _build_targets(coverage: Coverage, masked: Mapping[int, Mapping[str, str]]) -> list[RewriteTarget]:
    relations = coverage.relations
    targets = []
    for oid, values in masked.items():
        relation = relations.by_oid[oid]
        if relation.is_partition and any(root.oid in masked for root in relations.ancestors(oid)):
            continue
        tables = [member for member in relations.descendants(oid) if not member.is_partitioned]
        targets.append(RewriteTarget(relation, values, tables if relation.is_partitioned else [relation]))
    return targets


def _find_inheriting(coverage: Coverage, oids: Iterable[int]) -> frozenset[int]:
    """Find the tables in inheritance, where ALTER TABLE would also change the columns of other tables."""
    relations = coverage.relations
    return frozenset(
        oid
        for oid in oids
        if relations.by_oid[oid].parents or (relations.children.get(oid) and not relations.by_oid[oid].is_partitioned)
    )


def _build_value(cursor: Any, mark: MarkedColumn | str, ranks: Mapping[str, Ranks], replacements: Replacements) -> str:
    if isinstance(mark, str):
        return mark
    if mark.kind == NULL_KIND:
        return f"NULL::{mark.type}" if mark.column.nullable else f"''::{mark.type}"
    kind_ranks = ranks[mark.kind]
    rank = kind_ranks.build_rank(mark.column.name).as_string(cursor)
    value = replacements.build_value(mark.kind, rank, count=kind_ranks.count, max_length=kind_ranks.max_length)
    return f"({value})::{mark.type}"


def _check_generated(cursor: Any, columns: Sequence[MarkedColumn]) -> None:
    """Check that every marked generated column is computed from at least one marked column."""
    masked = {column.key for column in columns}
    for column in columns:
        table = build_identifier(column.table).as_string(cursor)
        cursor.execute(_IS_GENERATED, (table, column.column.name))
        if (cursor.fetchone() or (False,))[0]:
            cursor.execute(_SOURCES, (table, column.column.name))
            sources = [f"{column.table.key}.{name}" for (name,) in cursor.fetchall()]
            if not masked.intersection(sources):
                raise UnmarkedSourceColumns(column.key, sources)
