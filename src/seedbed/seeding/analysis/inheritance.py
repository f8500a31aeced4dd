"""Tables of mapped classes that inherit from one another: which class each row is of."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from sqlalchemy import Column, Table, inspect
from sqlalchemy.orm import Mapper

from seedbed.errors import TooFewUniqueValues, UnsupportedInheritance
from seedbed.seeding.api.rules import Choice, Constant
from seedbed.seeding.api.seeds_file import Share
from seedbed.seeding.core.batch import Batch, Bools, Coded, fixed_pool
from seedbed.seeding.core.random_stream import Ints
from seedbed.seeding.generators.column_generator import Filling, Wish, indices

if TYPE_CHECKING:
    from seedbed.seeding.planning.table_plan import TablePlan
    from seedbed.seeding.resolution.references import Reference


@dataclass(eq=False)
class Inheritance:
    """A table of classes that inherit. Its rows are of the classes that it is mapped for, or each have a row in one of
    the tables that extend it, in joined inheritance.

    Which row of it an extending row belongs to depends on how many rows all of them have.
    """

    table: "TablePlan"
    mapper: Mapper[Any]

    @property
    def discriminator(self) -> str | None:
        """The column that says which class a row is of, where this table has it."""
        column = self.mapper.base_mapper.polymorphic_on
        return str(column.name) if isinstance(column, Column) and column.table is self.table.sql else None

    @cached_property
    def identities(self) -> Sequence[Any]:
        """What the discriminator holds for each of the classes, in the order in which these are defined."""
        return list(self.mapper.base_mapper.polymorphic_map)

    @cached_property
    def own(self) -> Sequence[int]:
        """The places among the identities of the classes that need no other table."""
        found = self.mapper.base_mapper.polymorphic_map
        own = [at for at, mapper in enumerate(found.values()) if mapper.local_table is self.table.sql]
        if self.table.wish.few and self.mapper.polymorphic_identity in found:
            own = [self.identities.index(self.mapper.polymorphic_identity)]
        column = self.discriminator
        values = None if column is None else self.table.facts[column].values
        return [at for at in own if values is None or any(_is(self.identities[at], value) for value in values)]

    @cached_property
    def extensions(self) -> "Sequence[TablePlan]":
        """The planned tables that extend this one."""
        tables = {
            str(mapper.local_table.key): None
            for mapper in self.mapper.self_and_descendants
            if isinstance(mapper.local_table, Table) and _extended(mapper) is self.table.sql
        }
        return [self.table.planned[key] for key in tables if key in self.table.planned]

    @property
    def extended(self) -> "TablePlan | None":
        """The planned table that this one extends."""
        parent = _extended(self.mapper)
        return None if parent is None else self.table.planned.get(str(parent.key))

    def is_key(self, reference: "Reference") -> bool:
        """Whether it is by this key of the table that its rows belong to the rows of the table it extends."""
        own = {str(column.name) for column in self.table.sql.primary_key.columns}
        return reference.parent is self.extended and set(reference.columns) == own

    def rows_of(self, extension: "TablePlan", rows: range) -> Ints:
        """The rows of this table that some rows of an extending one belong to."""
        at = next(n for n, other in enumerate(self.extensions) if other is extension)
        begin = sum(other.count for other in self.extensions[:at])
        return self._order[begin + rows.start : begin + rows.stop]

    @cached_property
    def _order(self) -> Ints:
        rows = range(self.table.count)
        return self.table.stream("class of a row").permutation(self.table.count, indices(rows))

    def classes(self, rows: range) -> Ints:
        """The place of each row's class among the identities."""
        return self._classes[rows.start : rows.stop] if self.extensions else self._own_classes(rows)

    def _own_classes(self, rows: range) -> Ints:
        drawn = self.table.stream("class of a row").part("own").below(max(len(self.own), 1), rows)
        return np.array(self.own or [0], dtype=np.int64)[drawn]

    @cached_property
    def _classes(self) -> Ints:
        found = self._own_classes(range(self.table.count))
        for extension in self.extensions:
            rows = range(extension.count)
            if extension.inheritance is not None:
                found[self.rows_of(extension, rows)] = extension.inheritance.classes(rows)
        return found

    def filling(self, wish: Wish) -> Filling:
        """What fills the discriminator."""
        pool = fixed_pool(f"{wish.table.name}.{wish.name}", self.identities)
        named = ", ".join(str(getattr(identity, "value", identity)) for identity in self.identities)
        return Filling(wish.name, f"its class: {named}", lambda rows: Coded(None, self.classes(rows), pool))

    def limited(self, made: Filling) -> Filling:
        """A column's filling, NULL in the rows of classes that do not have the column."""
        of, column = self.discriminator, self.table.column(made.name)
        if of is None or of == made.name or not column.nullable:
            return made
        found = self.mapper.base_mapper.polymorphic_map.items()
        having = [identity for identity, mapper in found if _has(mapper, column)]
        if len(having) == len(self.identities) or not having:
            return made
        named = ", ".join(str(getattr(identity, "value", identity)) for identity in having)

        def make(rows: range) -> Batch:
            return made.make(rows).without(~_among(self.table.batch(of, rows), having))

        return replace(made, source=f"{made.source}; NULL unless {of} is {named}", make=make, counted=False)


def inheritance_of(table: "TablePlan") -> Inheritance | None:
    """How a table's classes inherit; None where they do not, or where an expression says which class a row is of."""
    mapper = None if table.model is None else inspect(table.model)
    if mapper is None or mapper.concrete or not isinstance(mapper.base_mapper.polymorphic_on, Column):
        return None
    return Inheritance(table, mapper)


def check_inheritance(table: "TablePlan") -> None:
    """Check that every row can be of one class, and has the rows in other tables that the class needs.

    Raises:
        UnsupportedInheritance: the seeds ask for other numbers of rows, or fill by a rule what follows from the classes.
        TooFewUniqueValues: fewer rows of a table that extends another are to be planned.
    """
    inheritance = table.inheritance
    if inheritance is None or table.wish.few:
        return
    _check_rules(table, inheritance)
    parent = _extended(inheritance.mapper)
    if parent is not None and not table.is_empty:
        _check_extension(table, inheritance, str(parent.key))
    if table.is_empty:
        return
    extending = sum(extension.count for extension in inheritance.extensions)
    if extending > table.count:
        _refuse_more(table, inheritance, extending)
    if not inheritance.own and extending != table.count:
        if table.wish.or_fewer:
            raise TooFewUniqueValues(table.name, "the key", table.count, extending)
        names = ", ".join(other.name for other in inheritance.extensions) or "any table of its subclasses"
        raise UnsupportedInheritance(
            table.place,
            f"{table.name} has {table.count:,} rows, {names} {extending:,}, and no class is mapped for a row of "
            f"{table.name} alone",
            f"Plan as many rows of {table.name} as of its subclasses together.",
        )


def _check_rules(table: "TablePlan", inheritance: Inheritance) -> None:
    of = inheritance.discriminator
    if of is None:
        return
    said = [row[of] for row in table.wish.known if of in row]
    rule = table.rules.get(of)
    known = [inheritance.identities[at] for at in inheritance.own]
    named = ", ".join(repr(getattr(identity, "value", identity)) for identity in known)
    if (key := table.reference_of(of)) is not None:
        raise UnsupportedInheritance(
            table.place,
            f"{table.name}.{of} says of which class a row is, and refers to {key.parent.name} too",
            f"{of}=choice([{named}])",
        )
    if inheritance.extensions and (said or rule is not None):
        names = ", ".join(extension.name for extension in inheritance.extensions)
        raise UnsupportedInheritance(
            table.place,
            f"{table.name}.{of} says which rows have one in {names}, and the seeds fill it by a rule",
            f"Leave {of} out of the seeds: it follows from how many rows {names} have.",
        )
    match rule:
        case Choice(values, _):
            said += values
        case Constant(value):
            said.append(value)
    for value in said:
        if not any(_is(identity, value) for identity in known):
            raise UnsupportedInheritance(
                table.place,
                f"{table.name}.{of} is filled with {value!r}, and its classes have {named or 'no identity'}",
                f"{of}=choice([{named}])" if named else f"Leave {of} out of the seeds.",
            )


def _check_extension(table: "TablePlan", inheritance: Inheritance, parent: str) -> None:
    key = next((reference for reference in table.references if inheritance.is_key(reference)), None)
    if inheritance.extended is None:
        raise UnsupportedInheritance(
            table.place,
            f"a row of {table.name} is one of {parent} too, of which no rows are planned",
            f"Plan at least {table.count:,} rows of {parent}.",
        )
    by_parent = isinstance(table.wish.rows, Share) and key is not None and table.wish.rows.column in key.columns
    written = key is not None and any(name in row for row in table.wish.known for name in key.columns)
    if key is None or by_parent or written:
        raise UnsupportedInheritance(
            table.place,
            f"a row of {table.name} is one of {parent} too, and the seeds say themselves of which",
            f"Plan a number of rows of {table.name}, and leave its primary key out.",
        )


def _refuse_more(table: "TablePlan", inheritance: Inheritance, extending: int) -> None:
    """More rows extend a table than it has: fewer of those that `rest` plans, or an error."""
    parts = len(inheritance.extensions) + (1 if inheritance.own else 0)
    for extension in inheritance.extensions:
        if extension.wish.or_fewer and extension.count > table.count // parts:
            raise TooFewUniqueValues(extension.name, "the key", extension.count, table.count // parts)
    names = ", ".join(extension.name for extension in inheritance.extensions)
    raise UnsupportedInheritance(
        table.place,
        f"{names} have {extending:,} rows, each of which is one of {table.name} too, and that has {table.count:,}",
        f"Plan at least {extending:,} rows of {table.name}.",
    )


def _extended(mapper: Mapper[Any]) -> Table | None:
    """The table that a class's own table extends, in joined inheritance."""
    for above in mapper.iterate_to_root():
        if above.local_table is not mapper.local_table:
            return above.local_table if isinstance(above.local_table, Table) and not mapper.concrete else None
    return None


def _has(mapper: Mapper[Any], column: Column[Any]) -> bool:
    return any(column in attribute.columns for attribute in mapper.column_attrs)


def _is(identity: Any, value: Any) -> bool:
    """Whether a value says a class; an enum's member is said by its name or its value too."""
    ways = [identity, identity.name, identity.value] if isinstance(identity, Enum) else [identity]
    return any(way == value for way in ways)


def _among(batch: Batch, identities: Sequence[Any]) -> Bools:
    if isinstance(batch, Coded) and batch.nulls is None:
        entries = batch.pool.all()
        known = np.array([any(_is(identity, entry) for identity in identities) for entry in entries], dtype=np.bool_)
        return known[batch.codes]
    return np.array([any(_is(identity, value) for identity in identities) for value in batch.tolist()], dtype=np.bool_)
