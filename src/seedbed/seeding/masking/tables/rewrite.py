"""Rewriting of tables with new values, which leaves no old value in their files or indexes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg2

from seedbed.seeding.masking.tables.constraint_suspension import ForeignKeys
from seedbed.seeding.masking.tables.derived_data import read_targets
from seedbed.seeding.masking.tables.physical_layout import (
    drop_missing_values,
    read_primary_key,
    read_stored_columns,
    sort_by_primary_key,
)
from seedbed.seeding.masking.tables.relations import Relation

_ROWS_TABLE = "pg_temp.seedbed_rows"


@dataclass(frozen=True)
class RewriteTarget:
    """A table and the expressions for the new values of its columns.

    The table is a partitioned table with all its partitions, between which rows may move, or a single table without its
    children. `tables` are the ones that store the rows.
    """

    relation: Relation
    values: Mapping[str, str]
    tables: Sequence[Relation]

    @property
    def scope(self) -> str:
        """The table as written in FROM and TRUNCATE."""
        return f"{'' if self.relation.is_partitioned else 'ONLY '}{self.relation.quoted}"


def rewrite_tables(
    cursor: Any, targets: Sequence[RewriteTarget], foreign_keys: ForeignKeys, *, inheriting: frozenset[int]
) -> list[str]:
    """Write the new values, and return the tables that were truncated and loaded again.

    ALTER TABLE rewrites a table and its indexes in one step. PostgreSQL rejects this if a view, a policy, a generated
    column, a trigger or a partition key depends on a column. It also cannot reorder the rows of a table without a
    primary key. In these cases the rows are copied with their new values, the table is truncated, and the copy is
    loaded. Either way the rows are sorted by the primary key, or are in random order without one.
    """
    foreign_keys.drop_by_columns(
        [(table.oid, column) for target in targets for table in _list_relations(target) for column in target.values]
    )
    reloaded = []
    for target in targets:
        if target.relation.oid in inheriting or not _rewrite_in_place(cursor, target):
            _reload(cursor, target, foreign_keys)
            reloaded.append(target.relation)
    return [relation.quoted for relation in reloaded]


def _list_relations(target: RewriteTarget) -> list[Relation]:
    return list({relation.oid: relation for relation in (target.relation, *target.tables)}.values())


def _rewrite_in_place(cursor: Any, target: RewriteTarget) -> bool:
    if any(read_primary_key(cursor, table.oid) is None for table in target.tables):
        return False
    columns = read_stored_columns(cursor, target.relation.oid)
    changes = ", ".join(
        column.build_retype(target.values[column.name]) for column in columns if column.name in target.values
    )
    targets = read_targets(cursor, [table.oid for table in _list_relations(target)])
    cursor.execute("SAVEPOINT rewriting")
    try:
        cursor.execute(f"ALTER TABLE {target.relation.quoted} {changes}")
    except (
        psycopg2.errors.FeatureNotSupported,
        psycopg2.errors.InvalidTableDefinition,
        psycopg2.errors.InvalidObjectDefinition,
    ):
        cursor.execute("ROLLBACK TO SAVEPOINT rewriting")
        return False
    cursor.execute("RELEASE SAVEPOINT rewriting")
    for statement, statistics_target in targets:  # rebuilding indexes and statistics resets their targets
        cursor.execute(f"{statement}{statistics_target}")
    for table in target.tables:
        sort_by_primary_key(cursor, table.oid, table.quoted)
    return True


def _reload(cursor: Any, target: RewriteTarget, foreign_keys: ForeignKeys) -> None:
    table = target.relation
    foreign_keys.drop_by_tables([relation.oid for relation in _list_relations(target)])
    columns = read_stored_columns(cursor, table.oid)
    names = ", ".join(column.quoted for column in columns)
    selected = ", ".join(
        f"{target.values[column.name]} AS {column.quoted}" if column.name in target.values else column.quoted
        for column in columns
    )
    cursor.execute(f"CREATE TEMP TABLE seedbed_rows ON COMMIT DROP AS SELECT {selected} FROM {target.scope}")
    cursor.execute(f"TRUNCATE {target.scope}")
    for relation in target.tables:
        drop_missing_values(cursor, relation.oid, relation.quoted)
    copied_columns = ", ".join(f"r.{column.quoted}" for column in columns)
    primary_key = read_primary_key(cursor, table.oid)
    order = (
        ", ".join(f"r.{column}" for column in primary_key.columns)
        if primary_key
        else "sha256(k.key || r.ctid::text::bytea)"
    )
    cursor.execute(
        "WITH k AS MATERIALIZED (SELECT uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()) AS key)"
        f" INSERT INTO {table.quoted} ({names}) OVERRIDING SYSTEM VALUE"
        f" SELECT {copied_columns} FROM {_ROWS_TABLE} r CROSS JOIN k ORDER BY {order}"
    )
    cursor.execute(f"DROP TABLE {_ROWS_TABLE}")
