"""The generators of a table's columns."""

from collections.abc import Mapping
from dataclasses import dataclass

from seedbed.errors import TooFewUniqueValues
from seedbed.seeding.core.faker_pool import FakerPools
from seedbed.seeding.core.random_stream import Stream
from seedbed.seeding.generators.column_generator import ColumnGenerator
from seedbed.seeding.generators.selection import GeneratorContext, make_column_generator, make_generator_sources
from seedbed.seeding.planning.explicit_rows import add_explicit_rows
from seedbed.seeding.resolution.resolved_table import ResolvedTable

_MAX_NAMED_ATTEMPTS = 20
"""Failed attempts at a row after which column names no longer narrow its numbers."""


@dataclass(frozen=True, eq=False)
class TableGenerators:
    """`columns` are what fills the columns, by name and in their order; a column that is left to the database has
    none. A `shortage` says that one of them has too few values for the rows.
    """

    table: ResolvedTable
    sources: GeneratorContext
    columns: Mapping[str, ColumnGenerator]
    shortage: TooFewUniqueValues | None = None

    def redraw(self, column: str, attempt: int) -> ColumnGenerator | None:
        """A generator with other random draws, or None where the column must not change."""
        table, uniqueness = self.table, self.table.uniqueness
        if any(column in slots.members for slots in self.sources.slots):
            return None
        if table.inheritance is not None and column == table.inheritance.discriminator:
            return None
        if table.find_key(column) is not None or column in {*uniqueness.columns, *uniqueness.first, *uniqueness.never}:
            return None
        if uniqueness.find_combination(column) is not None:
            return None
        stream = Stream(table.seed, f"{table.name}.{column}/again {attempt}")
        generator = make_column_generator(self.sources, column, stream, named=attempt < _MAX_NAMED_ATTEMPTS)
        return None if generator is None else add_explicit_rows(table, generator)


def build_generators(table: ResolvedTable, pools: FakerPools) -> TableGenerators:
    """Choose what fills each column of a table.

    Raises:
        NoGenerator: a column can be neither filled nor left out.
        NullNotAllowed: the seeds write out a None for a column that is NOT NULL.
    """
    sources = make_generator_sources(table, pools)
    columns: dict[str, ColumnGenerator] = {}
    for name in table.column_types:
        generator = make_column_generator(sources, name, table.make_stream(name))
        if generator is None:
            continue
        if generator.shortage is not None:
            return TableGenerators(table, sources, columns, generator.shortage)
        columns[name] = add_explicit_rows(table, generator)
    return TableGenerators(table, sources, columns)
