"""The foreign keys of a table, found in its model, and which of them must agree."""

from typing import TYPE_CHECKING

from sqlalchemy import ForeignKeyConstraint, Table

from seedbed.errors import CyclicReference, NoGenerator, ParentNotPlanned
from seedbed.seeding.api.rules import Constant, Same
from seedbed.seeding.core.random_stream import Stream
from seedbed.seeding.resolution.references import Reference

if TYPE_CHECKING:
    from seedbed.seeding.planning.table_plan import TablePlan


def references(table: "TablePlan") -> list[Reference]:
    """The foreign keys that no rule fills, in the order in which their rows are chosen.

    Raises:
        CyclicReference: a row would need rows that come after it.
        ParentNotPlanned: the table that is referred to gets no rows.
        NoGenerator: the key it refers to is left to the database, which alone knows it.
    """
    order = [column.name for column in table.sql.columns]
    keys = keys_of(table.sql)
    found: list[Reference] = []
    taken: set[tuple[str, ...]] = set()
    for key in keys:
        pairs = tuple((str(e.parent.name), str(e.column.name)) for e in key.elements)
        names = tuple(own for own, _ in pairs)
        rules = [table.rules.get(own) for own in names]
        ruled = [rule for rule in rules if rule is not None and not isinstance(rule, Same)]
        if ruled and (len(ruled) == len(pairs) or Constant(None) in ruled):
            continue
        if names in taken or ruled:
            continue
        made = _reference(table, key, pairs)
        if made is not None:
            taken.add(names)
            found.append(made)
    for reference in found:
        others = {column for other in found if other is not reference for column in other.columns}
        reference.name = next((column for column in reference.columns if column not in others), reference.columns[0])
        _follow_class(table, reference)
    for reference in found:
        _agree(table, reference, found)
    return sorted(found, key=lambda reference: _rank(table, reference, order))


def keys_of(table: Table) -> list[ForeignKeyConstraint]:
    """The foreign keys of a table in an order that is the same in every process."""
    order = [column.name for column in table.columns]

    def place(key: ForeignKeyConstraint) -> tuple[list[int], list[str]]:
        return [order.index(e.parent.name) for e in key.elements], [str(e.target_fullname) for e in key.elements]

    return sorted(table.foreign_key_constraints, key=place)


def _rank(table: "TablePlan", reference: Reference, order: list[str]) -> tuple[int, int, int, int]:
    return (
        0 if reference.follows(table.share) else 1,
        0 if not reference.nullable else 1,
        -len(reference.says),
        order.index(reference.name),
    )


def _reference(table: "TablePlan", key: ForeignKeyConstraint, pairs: tuple[tuple[str, str], ...]) -> Reference | None:
    target = key.elements[0].column.table
    own = [table.column(name) for name, _ in pairs]
    nullable = any(column.nullable and not table.facts[str(column.name)].not_null for column in own)
    stream = table.stream("+".join(name for name, _ in pairs))
    if target is table.sql:
        return Reference(table, pairs, table, stream, nullable)
    parent = table.planned.get(target.key)
    if parent is None:
        return _to_unplanned(table, key, pairs, stream, nullable=nullable)
    if parent.is_empty and not nullable and not table.is_empty:
        raise ParentNotPlanned(table.name, pairs[0][0], target.key)
    late = parent.rank > table.rank
    if late and not nullable and not key.deferrable:
        raise CyclicReference(table.name, pairs[0][0], target.key, nullable=False)
    for _, column in pairs:
        if table.planned[target.key].left_out(column):
            raise NoGenerator(table.name, pairs[0][0], f"{target.key}.{column}, which the database fills")
    return Reference(table, pairs, parent, stream, nullable, late=late)


def _to_unplanned(
    table: "TablePlan",
    key: ForeignKeyConstraint,
    pairs: tuple[tuple[str, str], ...],
    stream: Stream,
    *,
    nullable: bool,
) -> Reference | None:
    """Rows that the database has already, once it was asked; a key that may be NULL is left so."""
    target = key.elements[0].column.table
    if nullable:
        return None
    existing = table.existing(target.key, [column for _, column in pairs])
    if existing.known and existing.count == 0 and not table.is_empty:
        raise ParentNotPlanned(table.name, pairs[0][0], target.key)
    return Reference(table, pairs, existing, stream, nullable=False)


def _follow_class(table: "TablePlan", reference: Reference) -> None:
    """Have a row of a table that extends another, in joined inheritance, refer to the row that is of its class."""
    inheritance, parent = table.inheritance, reference.parent
    extended = getattr(parent, "inheritance", None)
    if inheritance is not None and extended is not None and inheritance.is_key(reference):
        reference.choose = lambda rows: extended.rows_of(table, rows)
        reference.source = "the one of its class"


def _agree(table: "TablePlan", reference: Reference, found: list[Reference]) -> None:
    """Find the columns of this table that a parent has as well: said by `same`, or called the same and meaning it."""
    for own in reference.columns:
        rule = table.rules.get(own)
        if isinstance(rule, Same):
            reference.also.update(rule.columns)
    parent = reference.parent
    if parent is table or not hasattr(parent, "sql"):
        return
    mine = dict.fromkeys(column for other in found for column in other.columns if other is not reference)
    for column in mine:
        if column in reference.columns or column not in parent.sql.columns:
            continue
        theirs = {e.parent.name: e.column for key in keys_of(parent.sql) for e in key.elements}
        target = theirs.get(column)
        if target is not None and _ends_at(target) == _ends_at_of(table, column):
            reference.also.setdefault(column, column)
    if len(reference.also) and reference.late:
        reference.also.clear()


def _ends_at(column: object) -> object:
    """The column that a chain of foreign keys ends at."""
    for _ in range(20):
        keys = sorted(getattr(column, "foreign_keys", ()), key=lambda key: str(key.target_fullname))
        if not keys or keys[0].column is column:
            break
        column = keys[0].column
    return column


def _ends_at_of(table: "TablePlan", name: str) -> object:
    return _ends_at(table.column(name))
