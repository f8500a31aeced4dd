"""Tables rewritten with new values, so that no old value is left in their files or indexes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg2

from seedbed.seeding.masking.tables.foreign_keys import ForeignKeys
from seedbed.seeding.masking.tables.physical_layout import (
    forget_missing_values,
    order_by_primary_key,
    primary_key,
    stored_columns,
)
from seedbed.seeding.masking.tables.planner_statistics import read_targets
from seedbed.seeding.masking.tables.relations import Relation

_COPY = "pg_temp.seedbed_rows"


@dataclass(frozen=True)
class Target:
    """A table and the expressions for its columns' new values.

    It is a whole partitioned table, whose rows may move between its partitions, or one table without what inherits from
    it. `tables` are those that hold the rows.
    """

    relation: Relation
    values: Mapping[str, str]
    tables: Sequence[Relation]

    @property
    def scope(self) -> str:
        """The table as FROM and TRUNCATE take it."""
        return f"{'' if self.relation.is_partitioned else 'ONLY '}{self.relation.quoted}"


def rewrite(
    cursor: Any, targets: Sequence[Target], foreign_keys: ForeignKeys, *, inheriting: frozenset[int]
) -> list[str]:
    """Put the new values in, and name the tables that had to be emptied and loaded again.

    ALTER TABLE rewrites a table with its indexes in one go. PostgreSQL refuses that where a view, a policy, a generated
    column, a trigger or a partition key reads a column, and it cannot put rows of a table without a primary key into
    another order: then the rows are copied with their new values, the table truncated, and the copy loaded. Either way
    the rows end up in the order of the primary key, or in a random one.
    """
    foreign_keys.drop_over(
        [(table.oid, column) for target in targets for table in _all(target) for column in target.values]
    )
    reloaded = []
    for target in targets:
        if target.relation.oid in inheriting or not _rewrite_in_place(cursor, target):
            _reload(cursor, target, foreign_keys)
            reloaded.append(target.relation)
    return [relation.quoted for relation in reloaded]


def _all(target: Target) -> list[Relation]:
    return list({relation.oid: relation for relation in (target.relation, *target.tables)}.values())


def _rewrite_in_place(cursor: Any, target: Target) -> bool:
    if any(primary_key(cursor, table.oid) is None for table in target.tables):
        return False
    columns = stored_columns(cursor, target.relation.oid)
    changes = ", ".join(column.retype(target.values[column.name]) for column in columns if column.name in target.values)
    targets = read_targets(cursor, [table.oid for table in _all(target)])
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
    for statement, statistics_target in targets:  # PostgreSQL forgets those of the indexes and statistics it rebuilds
        cursor.execute(f"{statement}{statistics_target}")
    for table in target.tables:
        order_by_primary_key(cursor, table.oid, table.quoted)
    return True


def _reload(cursor: Any, target: Target, foreign_keys: ForeignKeys) -> None:
    table = target.relation
    foreign_keys.drop_on([relation.oid for relation in _all(target)])
    columns = stored_columns(cursor, table.oid)
    names = ", ".join(column.quoted for column in columns)
    selected = ", ".join(
        f"{target.values[column.name]} AS {column.quoted}" if column.name in target.values else column.quoted
        for column in columns
    )
    cursor.execute(f"CREATE TEMP TABLE seedbed_rows ON COMMIT DROP AS SELECT {selected} FROM {target.scope}")
    cursor.execute(f"TRUNCATE {target.scope}")
    for relation in target.tables:
        forget_missing_values(cursor, relation.oid, relation.quoted)
    copied = ", ".join(f"r.{column.quoted}" for column in columns)
    key = primary_key(cursor, table.oid)
    order = ", ".join(f"r.{column}" for column in key.columns) if key else "sha256(k.key || r.ctid::text::bytea)"
    cursor.execute(
        "WITH k AS MATERIALIZED (SELECT uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()) AS key)"
        f" INSERT INTO {table.quoted} ({names}) OVERRIDING SYSTEM VALUE"
        f" SELECT {copied} FROM {_COPY} r CROSS JOIN k ORDER BY {order}"
    )
    cursor.execute(f"DROP TABLE {_COPY}")
