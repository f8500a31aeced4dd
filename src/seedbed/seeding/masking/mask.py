"""A database's personal data replaced with fake values."""

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
from seedbed.seeding.masking.coverage import Coverage, check_readable_elsewhere, read_coverage
from seedbed.seeding.masking.exceptions import Exceptions, shown
from seedbed.seeding.masking.personal_columns import EMPTYING, MarkedColumn, marked_columns, name_of
from seedbed.seeding.masking.random_ranks import Ranks, assign_ranks
from seedbed.seeding.masking.replacements import Replacements
from seedbed.seeding.masking.tables.foreign_keys import ForeignKeys
from seedbed.seeding.masking.tables.materialized_views import all_views, refresh_all
from seedbed.seeding.masking.tables.physical_layout import have_missing_values
from seedbed.seeding.masking.tables.planner_statistics import retake, vacuum_catalogs
from seedbed.seeding.masking.tables.relations import Relation
from seedbed.seeding.masking.tables.rewrite import Target, rewrite
from seedbed.seeding.masking.tables.triggers import suspended

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
class Masked:
    """What became of a database: how many distinct values each marked column had, by `user.email`; the tables that were
    emptied and loaded again; those that were emptied, and what was kept, of what the models do not describe; and the
    system's tables whose dead rows may hold original values, as the role may not rewrite them.
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
    exceptions: Exceptions | None = None,
    version_table: str = "alembic_version",
) -> Masked:
    """Replace every marked value with a fake one, the same for equal values of a kind, so that joins and unique columns
    stay as they are.

    One transaction: after a failure or a kill all original values are there. Which fake value stands for which original
    is drawn at random for each call and kept nowhere, so nobody can compute one from the other, and a second call gives
    others. How often a value occurs stays visible, since joins need it, and so does each row's primary key.

    Triggers and rules do not fire. Materialized views are refreshed, and statistics taken again, in the same
    transaction. Afterwards the system's tables of statistics are rewritten, since dead rows in them hold original
    values. The server's log, its WAL and backups and Neon's history keep the originals.

    Raises:
        NoPersonalColumns, UnmarkedPersonalColumns, UnknownPersonalDataKind: as for `marked_columns`.
        ProtectedEnvironment, EnvironmentMismatch, UnmarkedDatabase: the database's mark, or a missing one, forbids it.
        ExposedOriginalValues: as for `check_readable_elsewhere`.
        UnmodeledData and others: as for `read_coverage`.
        PersonalForeignTable: a table with marked columns, or a partition of it, is a foreign table.
        UnmarkedSourceColumns: a marked column is generated from columns that keep their values.
        StaleStatistics: as for `retake`.
        RejectedMaskedValues: the new values break a rule of a table.
    """
    replacements = Replacements(pools)
    marked = marked_columns(schema, pools)
    refuse_pooler(database, trust_url=database.url != database.direct)
    with connect(database, application="seedbed mask") as connection:
        refuse_protected_database(connection, database, DestructiveAction.MASK)
        connection.rollback()
        driver: Any = connection.connection
        cursor = driver.cursor()
        try:
            _set_up(cursor)
            check_readable_elsewhere(cursor)
            coverage = read_coverage(cursor, schema.metadata, exceptions or Exceptions(), version_table=version_table)
            columns = [MarkedColumn.read(cursor, *one) for one in marked]
            _check_generated(cursor, columns)
            masked = _masked_columns(coverage, columns)
            changed = {oid: coverage.relations.by_oid[oid] for oid in masked} | {
                one.oid: one for one in coverage.emptied
            }
            _lock(cursor, changed.values())
            missing_values = have_missing_values(cursor, list(changed))
            with suspended(cursor, changed):
                _empty(cursor, coverage)
                foreign_keys = ForeignKeys(cursor)
                ranks, counts = assign_ranks(cursor, columns)
                values = {
                    oid: {name: _new_value(cursor, mark, ranks, replacements) for name, mark in marks.items()}
                    for oid, marks in masked.items()
                }
                inheriting = _inheriting(coverage, masked)
                reloaded = rewrite(cursor, _targets(coverage, values), foreign_keys, inheriting=inheriting)
                foreign_keys.restore()
                retake(cursor, changed)
            cursor.execute("SET LOCAL row_security = on")  # views have the rows that their owner may see
            refresh_all(cursor)
            retake(cursor, all_views(cursor))
            driver.commit()
        except psycopg2.Error as error:
            driver.rollback()
            raise RejectedMaskedValues(database.name, error.diag.message_primary or type(error).__name__) from error
        cursor.connection.autocommit = True
        unclean = vacuum_catalogs(cursor, large_objects=coverage.empties_large_objects, missing_values=missing_values)
    pools.save()
    return Masked(database.name, counts, tuple(reloaded), coverage.emptied_names, coverage.kept, unclean)


def check_coverage(schema: Schema, database: Database, exceptions: Exceptions, *, version_table: str) -> None:
    """See that the models describe a database as masking a copy of it needs them to; nothing is changed.

    Raises:
        UnmodeledData and others: as for `read_coverage`.
    """
    with connect(database, application="seedbed mask") as connection:
        driver: Any = connection.connection
        read_coverage(driver.cursor(), schema.metadata, exceptions, version_table=version_table)


def _set_up(cursor: Any) -> None:
    cursor.execute("SET LOCAL row_security = off")  # rows that a policy hides are an error, and not left out
    cursor.execute("SET LOCAL work_mem = '128MB'; SET LOCAL maintenance_work_mem = '256MB'")


def _lock(cursor: Any, relations: Iterable[Relation]) -> None:
    for relation in relations:
        cursor.execute(f"LOCK TABLE {relation.quoted} IN ACCESS EXCLUSIVE MODE")


def _empty(cursor: Any, coverage: Coverage) -> None:
    if coverage.emptied:
        cursor.execute(f"TRUNCATE {', '.join(relation.quoted for relation in coverage.emptied)}")
    if coverage.empties_large_objects:
        cursor.execute("SELECT lo_unlink(oid) FROM pg_largeobject_metadata")


def _masked_columns(coverage: Coverage, columns: Sequence[MarkedColumn]) -> dict[int, dict[str, MarkedColumn | str]]:
    """What each table's columns become, by OID: a marked column's fake value, or the expression that empties it.

    A table's own marks win over those of a table it inherits from.
    """
    by_table: dict[str, dict[str, MarkedColumn]] = {}
    for column in columns:
        by_table.setdefault(column.table.key, {})[column.column.name] = column
    masked: dict[int, dict[str, MarkedColumn | str]] = {}
    for oid, tables in coverage.models.items():
        relation = coverage.relations.by_oid[oid]
        marks = {name: mark for table in reversed(tables) for name, mark in by_table.get(table.key, {}).items()}
        found = {name: mark for name, mark in marks.items() if name in relation.columns}
        if found or oid in coverage.emptied_columns:
            if relation.is_foreign:
                raise PersonalForeignTable(shown(relation.path))
            masked[oid] = {**found, **coverage.emptied_columns.get(oid, {})}
    return masked


def _targets(coverage: Coverage, masked: Mapping[int, Mapping[str, str]]) -> list[Target]:
    relations = coverage.relations
    targets = []
    for oid, values in masked.items():
        relation = relations.by_oid[oid]
        if relation.is_partition and any(root.oid in masked for root in relations.ancestors(oid)):
            continue
        tables = [one for one in relations.descendants(oid) if not one.is_partitioned]
        targets.append(Target(relation, values, tables if relation.is_partitioned else [relation]))
    return targets


def _inheriting(coverage: Coverage, oids: Iterable[int]) -> frozenset[int]:
    """The tables whose columns ALTER TABLE would change together with those of other tables."""
    relations = coverage.relations
    return frozenset(
        oid
        for oid in oids
        if relations.by_oid[oid].parents or (relations.children.get(oid) and not relations.by_oid[oid].is_partitioned)
    )


def _new_value(cursor: Any, mark: MarkedColumn | str, ranks: Mapping[str, Ranks], replacements: Replacements) -> str:
    if isinstance(mark, str):
        return mark
    if mark.kind == EMPTYING:
        return f"NULL::{mark.type}" if mark.column.nullable else f"''::{mark.type}"
    known = ranks[mark.kind]
    rank = known.of(mark.column.name).as_string(cursor)
    value = replacements.value(mark.kind, rank, count=known.count, longest=known.max_length)
    return f"({value})::{mark.type}"


def _check_generated(cursor: Any, columns: Sequence[MarkedColumn]) -> None:
    """See that a generated column that is marked is computed from at least one column that changes."""
    masked = {column.key for column in columns}
    for column in columns:
        place = name_of(column.table).as_string(cursor)
        cursor.execute(_IS_GENERATED, (place, column.column.name))
        if (cursor.fetchone() or (False,))[0]:
            cursor.execute(_SOURCES, (place, column.column.name))
            sources = [f"{column.table.key}.{name}" for (name,) in cursor.fetchall()]
            if not masked.intersection(sources):
                raise UnmarkedSourceColumns(column.key, sources)
