"""Find which class each row of an inheritance hierarchy belongs to: joined or single-table, by its discriminator."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from sqlalchemy import Column, Table, inspect
from sqlalchemy.orm import Mapper

from seedbed.seeding.analysis.foreign_keys import ForeignKey
from seedbed.seeding.analysis.table_spec import TableSpec


@dataclass(frozen=True, eq=False)
class Inheritance:
    """The classes of a table that inherit.

    A row has one of the classes mapped to this table alone, or a row in a table that extends this one in joined
    inheritance. `identities` are the discriminator's values for the classes, in the order of their definition.
    `own_positions` are the positions of the classes that need no other table. `extensions` are the names of the tables
    that extend this one, and `parent_table` is the name of the table that this one extends.
    """

    mapper: Mapper[Any]
    discriminator: str | None
    identities: Sequence[Any]
    own_positions: Sequence[int]
    extensions: Sequence[str]
    parent_table: str | None
    primary_key: frozenset[str]

    def is_parent_key(self, key: ForeignKey) -> bool:
        """Whether this key joins a row to its row in the table that is extended."""
        return (
            self.parent_table is not None and key.target == self.parent_table and set(key.columns) == self.primary_key
        )

    def find_identities_with(self, column: Column[Any]) -> list[Any]:
        """The identities of the classes that have a column."""
        mappers = self.mapper.base_mapper.polymorphic_map.items()
        return [
            identity
            for identity, mapper in mappers
            if any(column in attribute.columns for attribute in mapper.column_attrs)
        ]


def find_inheritance(table: TableSpec) -> Inheritance | None:
    """How a table's classes inherit; None where they do not, or where an expression says which class a row is of."""
    mapper = None if table.model is None else inspect(table.model)
    if mapper is None or mapper.concrete or not isinstance(mapper.base_mapper.polymorphic_on, Column):
        return None
    column = mapper.base_mapper.polymorphic_on
    discriminator = str(column.name) if column.table is table.sql else None
    identities = list(mapper.base_mapper.polymorphic_map)
    extensions = {
        str(other.local_table.key): None
        for other in mapper.self_and_descendants
        if isinstance(other.local_table, Table) and _find_parent_table(other) is table.sql
    }
    parent = _find_parent_table(mapper)
    return Inheritance(
        mapper,
        discriminator,
        identities,
        _find_own_positions(table, mapper, discriminator, identities),
        [*extensions],
        None if parent is None else str(parent.key),
        frozenset(str(column.name) for column in table.sql.primary_key.columns),
    )


def is_identity(identity: Any, value: Any) -> bool:
    """Whether a value identifies a class. An enum member also matches by its name or its value."""
    accepted = [identity, identity.name, identity.value] if isinstance(identity, Enum) else [identity]
    return any(way == value for way in accepted)


def format_identities(identities: Sequence[Any]) -> str:
    return ", ".join(str(getattr(identity, "value", identity)) for identity in identities)


def _find_own_positions(
    table: TableSpec, mapper: Mapper[Any], discriminator: str | None, identities: Sequence[Any]
) -> Sequence[int]:
    mappers = mapper.base_mapper.polymorphic_map
    own = [at for at, other in enumerate(mappers.values()) if other.local_table is table.sql]
    if table.request.is_partial and mapper.polymorphic_identity in mappers:
        own = [identities.index(mapper.polymorphic_identity)]
    values = None if discriminator is None else table.value_constraints[discriminator].values
    return [at for at in own if values is None or any(is_identity(identities[at], value) for value in values)]


def _find_parent_table(mapper: Mapper[Any]) -> Table | None:
    """The table that a class's table extends in joined inheritance."""
    for above in mapper.iterate_to_root():
        if above.local_table is not mapper.local_table:
            return above.local_table if isinstance(above.local_table, Table) and not mapper.concrete else None
    return None
