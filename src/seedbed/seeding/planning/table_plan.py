"""The plan of one table."""

from collections.abc import Mapping
from dataclasses import dataclass

from seedbed.seeding.analysis.table_spec import get_field_values
from seedbed.seeding.core.batch import Batch
from seedbed.seeding.encoding.rows import RowEncoder
from seedbed.seeding.generators.column_generator import ColumnGenerator
from seedbed.seeding.planning.row_maker import RowMaker
from seedbed.seeding.planning.table_generators import TableGenerators
from seedbed.seeding.resolution.class_rows import ClassAssignment
from seedbed.seeding.resolution.resolved_table import ResolvedTable


@dataclass(frozen=True, eq=False)
class TablePlan(ResolvedTable):
    """A table with what fills its columns."""

    table_generators: TableGenerators
    maker: RowMaker
    encoder: RowEncoder

    @property
    def generators(self) -> Mapping[str, ColumnGenerator]:
        """What fills the columns, by name and in their order; a column that is left to the database has none."""
        return self.table_generators.columns

    @property
    def is_binary(self) -> bool:
        """Whether every column that is filled has a binary encoder; else rows are encoded as text."""
        return self.encoder.is_binary(self.generators)

    def source(self, column: str) -> str:
        """What fills a column, in words."""
        return self.maker.source(column)

    def batch(self, column: str, rows: range) -> Batch:
        """A column's values of some rows, as the row's other columns and its CHECKs let them be."""
        return self.maker.batch(column, rows)

    def batches(self, rows: range) -> list[tuple[str, Batch]]:
        return [(name, self.batch(name, rows)) for name in self.generators]


def build_table_plan(generators: TableGenerators, classes: ClassAssignment | None) -> TablePlan:
    table = generators.table
    columns = {name: (table.get_column(name), table.column_types[name]) for name in generators.columns}
    ruled = {name: generator.description for name, generator in generators.columns.items() if name in table.rules}
    encoder = RowEncoder(table.name, table.location, columns, ruled)
    maker = RowMaker(generators, encoder, classes)
    return TablePlan(**get_field_values(table), table_generators=generators, maker=maker, encoder=encoder)


def encode_rows(table: TablePlan, rows: range) -> bytes:
    """Some rows as COPY takes them, without what stands before the first and after the last.

    Raises:
        InvalidSeedsFile: a value does not fit its column.
        NullNotAllowed: a rule of the seeds gives None for a column that is NOT NULL.
    """
    return table.encoder.encode(table.batches(rows), rows)


def make_sample(table: TablePlan, count: int) -> list[dict[str, str | None]]:
    """The first rows of a table, as PostgreSQL will be given them, by column.

    Raises:
        InvalidSeedsFile, TooFewUniqueValues: a value cannot be made, or does not fit its column.
    """
    batches = table.batches(range(min(count, table.count)))
    written = {name: table.encoder.encode_as_text(name, batch) for name, batch in batches}
    return [dict(zip(written, row, strict=True)) for row in zip(*written.values(), strict=True)]
