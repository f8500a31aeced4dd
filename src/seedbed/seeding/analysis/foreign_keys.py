"""The foreign keys of a table, and the columns in which they must agree."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from sqlalchemy import ForeignKeyConstraint, Table

from seedbed.errors import CyclicReference, NoGenerator, ParentNotPlanned
from seedbed.seeding.analysis.table_spec import TableSpec
from seedbed.seeding.api.rules import Same
from seedbed.seeding.api.seeds_file import RowsPerParent
from seedbed.seeding.core.random_stream import Stream


@dataclass(frozen=True)
class ForeignKey:
    """A foreign key of a table. `column_pairs` are its columns with the referenced ones; `target` is the referenced
    table.

    `name` is the first column that no other key contains, so it identifies the key. `agreeing_columns` are columns of
    this table that must equal columns of the referenced row. The target of a key that `is_loaded_later` is loaded after
    the table. A key that `is_unique` refers to each row once. One that `follows_class` refers to the row of its own
    row's class, in joined inheritance. `source` describes how rows are chosen.
    """

    name: str
    column_pairs: tuple[tuple[str, str], ...]
    target: str
    stream: Stream
    is_planned: bool
    is_nullable: bool
    is_loaded_later: bool = False
    agreeing_columns: Mapping[str, str] = field(default_factory=dict, hash=False)
    is_unique: bool = False
    follows_class: bool = False
    source: str = ""

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(own for own, _ in self.column_pairs)

    @property
    def determined_columns(self) -> Mapping[str, str]:
        """Columns of this table that the parent row determines, each with the parent's column."""
        return {**self.agreeing_columns, **dict(self.column_pairs)}

    def follows_rows_per_parent(self, share: RowsPerParent | None) -> bool:
        """Tell whether the seeds give the number of rows per parent of this key."""
        return share is not None and share.parent == self.target and share.column in self.columns


def find_foreign_keys(
    table: TableSpec, planned: Mapping[str, TableSpec], existing: Mapping[str, int]
) -> tuple[ForeignKey, ...]:
    """The foreign keys that no rule fills, in the order in which their rows are chosen.

    `existing` are the numbers of rows that a database has in tables which the seeds do not plan; it is empty until a
    database was asked.

    Raises:
        CyclicReference: a row would need rows that come after it.
        ParentNotPlanned: the table that is referred to gets no rows.
        NoGenerator: the key it refers to is left to the database, which alone knows it.
    """
    order = [column.name for column in table.sql.columns]
    keys: list[ForeignKey] = []
    taken: set[tuple[str, ...]] = set()
    for constraint in sort_foreign_keys(table.sql):
        pairs = tuple((str(e.parent.name), str(e.column.name)) for e in constraint.elements)
        names = tuple(own for own, _ in pairs)
        rules = [table.rules.get(own) for own in names]
        filling_rules = [rule for rule in rules if rule is not None and not isinstance(rule, Same)]
        if filling_rules or names in taken:
            continue
        key = _make_key(table, constraint, pairs, planned, existing)
        if key is not None:
            taken.add(names)
            keys.append(key)
    keys = [_name_key(key, keys) for key in keys]
    consistent_keys = [replace(key, agreeing_columns=_find_agreeing_columns(table, key, keys, planned)) for key in keys]
    return tuple(sorted(consistent_keys, key=lambda key: _get_sort_key(table, key, order)))


def sort_foreign_keys(table: Table) -> list[ForeignKeyConstraint]:
    """The foreign keys of a table, in the same order in every process."""
    order = [column.name for column in table.columns]

    def place(key: ForeignKeyConstraint) -> tuple[list[int], list[str]]:
        return [order.index(e.parent.name) for e in key.elements], [str(e.target_fullname) for e in key.elements]

    return sorted(table.foreign_key_constraints, key=place)


def find_key(keys: Sequence[ForeignKey], column: str) -> ForeignKey | None:
    """Find the key that determines a column: the first that contains it."""
    return next((key for key in keys if column in key.columns), None)


def _get_sort_key(table: TableSpec, key: ForeignKey, order: list[str]) -> tuple[int, int, int, int]:
    return (
        0 if key.follows_rows_per_parent(table.rows_per_parent) else 1,
        0 if not key.is_nullable else 1,
        -len(key.determined_columns),
        order.index(key.name),
    )


def _make_key(
    table: TableSpec,
    constraint: ForeignKeyConstraint,
    pairs: tuple[tuple[str, str], ...],
    planned: Mapping[str, TableSpec],
    existing: Mapping[str, int],
) -> ForeignKey | None:
    target = constraint.elements[0].column.table
    own = [table.get_column(name) for name, _ in pairs]
    nullable = any(column.nullable and not table.value_constraints[str(column.name)].not_null for column in own)
    key = ForeignKey("", pairs, str(target.key), table.make_stream("+".join(name for name, _ in pairs)), True, nullable)
    if target is table.sql:
        return key
    parent = planned.get(target.key)
    if parent is None:
        return _make_key_to_unplanned(table, key, existing)
    if parent.is_empty and not nullable and not table.is_empty:
        raise ParentNotPlanned(table.name, pairs[0][0], target.key)
    is_loaded_later = parent.rank > table.rank
    if is_loaded_later and not nullable and not constraint.deferrable:
        raise CyclicReference(table.name, pairs[0][0], target.key, nullable=False)
    for _, column in pairs:
        if parent.is_left_to_database(column):
            raise NoGenerator(table.name, pairs[0][0], f"{target.key}.{column}, which the database fills")
    return replace(key, is_loaded_later=is_loaded_later)


def _make_key_to_unplanned(table: TableSpec, key: ForeignKey, existing: Mapping[str, int]) -> ForeignKey | None:
    """A key to rows that the database already has. A nullable key stays NULL."""
    if key.is_nullable:
        return None
    if existing.get(key.target) == 0 and not table.is_empty:
        raise ParentNotPlanned(table.name, key.column_pairs[0][0], key.target)
    return replace(key, is_planned=False)


def _name_key(key: ForeignKey, keys: Sequence[ForeignKey]) -> ForeignKey:
    others = {column for other in keys if other.columns != key.columns for column in other.columns}
    return replace(key, name=next((column for column in key.columns if column not in others), key.columns[0]))


def _find_agreeing_columns(
    table: TableSpec, key: ForeignKey, keys: Sequence[ForeignKey], planned: Mapping[str, TableSpec]
) -> Mapping[str, str]:
    """The columns of this table that a parent has too: by a rule `same`, or by name where both refer to one column."""
    agreeing_columns: dict[str, str] = {}
    for own in key.columns:
        rule = table.rules.get(own)
        if isinstance(rule, Same):
            agreeing_columns.update(rule.columns)
    if key.target == table.name or not key.is_planned:
        return agreeing_columns
    parent = planned[key.target].sql
    own_columns = dict.fromkeys(column for other in keys for column in other.columns if other.columns != key.columns)
    for column in own_columns:
        if column in key.columns or column not in parent.columns:
            continue
        parent_columns = {
            e.parent.name: e.column for constraint in sort_foreign_keys(parent) for e in constraint.elements
        }
        target = parent_columns.get(column)
        if target is not None and _find_root_column(target) == _find_root_column(table.get_column(column)):
            agreeing_columns.setdefault(column, column)
    return {} if key.is_loaded_later else agreeing_columns


def _find_root_column(column: object) -> object:
    """Follow a chain of foreign keys to its last column."""
    for _ in range(20):
        keys = sorted(getattr(column, "foreign_keys", ()), key=lambda key: str(key.target_fullname))
        if not keys or keys[0].column is column:
            break
        column = keys[0].column
    return column
