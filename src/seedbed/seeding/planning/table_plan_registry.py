"""The plans of tables that refer to each other. Each is built on first use."""

from collections.abc import Mapping

from seedbed.errors import TooFewUniqueValues
from seedbed.seeding.analysis.foreign_keys import ForeignKey
from seedbed.seeding.analysis.table_spec import TableSpec
from seedbed.seeding.core.column_batch import Batch
from seedbed.seeding.core.faker_pool import FakerPools
from seedbed.seeding.core.postgres_types import ColumnType
from seedbed.seeding.core.random_stream import Ints
from seedbed.seeding.generators.entities.place import find_country_column
from seedbed.seeding.planning.table_generators import TableGenerators, build_generators
from seedbed.seeding.planning.table_plan import ClassAssignment, TablePlan, build_table_plan
from seedbed.seeding.resolution.parent_rows import ExistingRows, ParentRows
from seedbed.seeding.resolution.references import find_choice_shortage, find_roots
from seedbed.seeding.resolution.resolved_table import ResolvedTable, find_row_shortage, resolve


class TablePlanRegistry:
    """`specs` are all tables of the plan, in the order of loading; `existing` are rows of tables beside them."""

    def __init__(self, specs: Mapping[str, TableSpec], existing: Mapping[str, ExistingRows], pools: FakerPools) -> None:
        self._specs, self._pools = specs, pools
        self._rows = {name: PlannedRows(name, self) for name in specs}
        self._parents: dict[str, ParentRows] = {**existing, **self._rows}
        self._resolved: dict[str, ResolvedTable] = {}
        self._generators: dict[str, TableGenerators] = {}
        self._plans: dict[str, TablePlan] = {}

    def get_resolved(self, name: str) -> ResolvedTable:
        if name not in self._resolved:
            self._resolved[name] = resolve(self._specs[name], self._specs, self._parents, self._rows[name])
        return self._resolved[name]

    def get_plan(self, name: str) -> TablePlan:
        """Return the plan of a table.

        Raises:
            TooFewUniqueValues: there are too few values for its rows.
        """
        if name not in self._plans:
            table, generators = self.get_resolved(name), self._get_generators(name)
            if generators.shortage is not None:
                raise generators.shortage
            self._plans[name] = build_table_plan(generators, self._assign_classes(table))
        return self._plans[name]

    def shortage(self, name: str) -> TooFewUniqueValues | None:
        """Return an error if there are too few values for the rows of a table, else None."""
        table = self.get_resolved(name)
        shortage = find_row_shortage(table) or self._get_generators(name).shortage
        if shortage is not None or not self._get_generators(name).columns:
            return shortage
        shortage = find_choice_shortage(table)
        slots = (slots.shortage() for slots in self._get_generators(name).sources.slots)
        return shortage or next((shortage for shortage in slots if shortage is not None), None)

    def _get_generators(self, name: str) -> TableGenerators:
        if name not in self._generators:
            self._generators[name] = build_generators(self.get_resolved(name), self._pools)
        return self._generators[name]

    def _assign_classes(self, table: ResolvedTable) -> ClassAssignment | None:
        if table.inheritance is None:
            return None
        extensions = [self._rows[name] for name in table.inheritance.extensions if name in self._rows]
        return ClassAssignment(table, table.inheritance.own_positions, extensions)


class PlannedRows:
    """The rows of one table of a plan, for its own columns and for tables that refer to it.

    The table may be planned later than what reads its rows: of two tables that refer to each other one comes first.
    """

    def __init__(self, name: str, tables: TablePlanRegistry) -> None:
        self.name, self._tables = name, tables
        self._roots: dict[str, tuple[str, Ints]] = {}

    @property
    def count(self) -> int:
        return self._tables.get_resolved(self.name).count

    @property
    def is_dated(self) -> bool:
        return self._tables.get_resolved(self.name).is_dated

    @property
    def is_mapped(self) -> bool:
        return self._tables.get_resolved(self.name).inheritance is not None

    @property
    def country_column(self) -> str | None:
        return find_country_column(self._tables.get_plan(self.name).table_generators.sources.places)

    def get_type(self, column: str) -> ColumnType | None:
        table = self._tables.get_plan(self.name)
        return table.column_types[column] if column in table.generators else None

    def find_creation_times(self, chosen: Ints) -> Ints:
        return self._tables.get_plan(self.name).maker.find_creation_times(chosen)

    def take(self, column: str, chosen: Ints) -> Batch:
        return self._tables.get_plan(self.name).maker.take(column, chosen)

    def find_roots(self, column: str) -> tuple[str, Ints]:
        if column not in self._roots:
            self._roots[column] = find_roots(self._tables.get_resolved(self.name), column)
        return self._roots[column]

    def find_extended_rows(self, table: str, rows: range) -> Ints:
        return self._tables.get_plan(self.name).maker.find_extended_rows(table, rows)

    def batch(self, column: str, rows: range) -> Batch:
        return self._tables.get_plan(self.name).maker.batch(column, rows)

    def generate(self, column: str, rows: range) -> Batch:
        return self._tables.get_plan(self.name).maker.generate(column, rows)

    def find_parents(self, key: ForeignKey, rows: range) -> Ints:
        return self._tables.get_plan(self.name).maker.find_parents(key, rows)

    def find_classes(self, rows: range) -> Ints:
        return self._tables.get_plan(self.name).maker.find_classes(rows)
