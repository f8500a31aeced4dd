"""Values that satisfy the CHECKs of a table."""

from typing import Any

from sqlglot import exp

from seedbed.seeding.analysis.checks import BOOL, UnsupportedExpression, cast, evaluate, find_columns
from seedbed.seeding.analysis.checks.sample_values import make_sample_value
from seedbed.seeding.analysis.foreign_keys import ForeignKey
from seedbed.seeding.core.batch import Batch
from seedbed.seeding.core.column_types import MOMENTS, ColumnType
from seedbed.seeding.core.random_stream import Ints
from seedbed.seeding.encoding.rows import RowEncoder
from seedbed.seeding.planning.check_redraw import Group, RowRedraw
from seedbed.seeding.planning.table_generators import TableGenerators
from seedbed.seeding.resolution.references import references

_KEPT = 40
"""Batches that are kept, since the columns of a chunk read one another."""


class CheckSolver:
    """The values of a table's columns. Which attempt a row ends with follows from that row alone, so it stays a
    function of its number.
    """

    def __init__(self, generators: TableGenerators, encoder: RowEncoder) -> None:
        self._generators, self._table, self._encoder = generators, generators.table, encoder
        self._groups = self._bound()
        self._batches: dict[tuple[str, int, int], Batch] = {}
        self._redraws: dict[tuple[int, int, int], RowRedraw] = {}

    def computed(self, column: str) -> str | None:
        """The SQL expression that a column is computed from, or None where it is drawn."""
        group = self._groups.get(column)
        want = group.assigned.get(column) if group is not None else None
        return None if want is None else want[1].sql("postgres").replace('"', "")

    def batch(self, column: str, rows: range) -> Batch:
        key = (column, rows.start, rows.stop)
        if key in self._batches:
            return self._batches[key]
        group = self._groups.get(column)
        if group is None:
            made = self._generators.columns[column].make(rows)
            if not self._redraws:  # else it may follow from keys that are about to be drawn again
                self._keep(key, made)
            return made
        drawing = self._drawing(group, rows)
        if drawing is not None:
            return drawing.batch(column)
        for name, made in self._settled(group, rows).made.items():
            self._keep((name, rows.start, rows.stop), made)
        return self._batches[key]

    def parents(self, key: ForeignKey, rows: range) -> Ints | None:
        """The parent rows that a key refers to after redrawing, or None where no CHECK concerns it."""
        group = next((self._groups[name] for name in key.columns if name in self._groups), None)
        if group is None or key not in [one.key for one in group.references]:
            return None
        drawing = self._drawing(group, rows) or self._settled(group, rows)
        return drawing.parents(key)

    @property
    def is_drawing(self) -> bool:
        """Whether a redraw is running, so that values are not final."""
        return bool(self._redraws)

    def _drawing(self, group: Group, rows: range) -> RowRedraw | None:
        return self._redraws.get((id(group), rows.start, rows.stop))

    def _settled(self, group: Group, rows: range) -> RowRedraw:
        key = (id(group), rows.start, rows.stop)
        drawing = self._redraws[key] = RowRedraw(self._generators, self._encoder, group, rows)
        try:
            drawing.settle()
        finally:
            del self._redraws[key]
        return drawing

    def _keep(self, key: tuple[str, int, int], batch: Batch) -> None:
        while len(self._batches) >= _KEPT + 2 * len(self._table.column_types):
            del self._batches[next(iter(self._batches))]
        self._batches[key] = batch

    def _bound(self) -> dict[str, Group]:
        groups: dict[str, Group] = {}
        for check, want in self._table.joint_checks:
            names = find_columns(want) & set(self._generators.columns)
            if not names or not self._is_understood(want):
                continue
            joined = _joined(groups, names)
            target = self._assigned(want, joined)
            if target is None:
                joined.wants.append((check, want))
            else:
                joined.assigned[target] = (check, _other_side(want, target))
        for group in {id(group): group for group in groups.values()}.values():
            if group is groups[next(iter(group.columns))]:
                self._complete(group, groups)
        return groups

    def _complete(self, group: Group, groups: dict[str, Group]) -> None:
        """Add what has to follow when the keys of a group are drawn again: their other columns, and times after what
        they refer to.
        """
        table = self._table
        found = [
            one
            for one in references(table)
            if one.can_vary and any(table.key_of(name) is one.key for name in group.columns)
        ]
        more = {name for one in found for name in one.key.columns if table.key_of(name) is one.key}
        if any(self._is_time(name) for name in group.columns) and found:
            times = (name for name in self._generators.columns if self._is_time(name))
            more |= {name for name in times if table.uniqueness.slots_of(name) is None}
        joined = _joined(groups, group.columns | (more & set(self._generators.columns)))
        keys = {one.key.columns for one in (*found, *joined.references)}
        joined.references = [one for one in references(table) if one.key.columns in keys]

    def _is_time(self, name: str) -> bool:
        return self._table.column_types[name].name in MOMENTS | {"date"}

    def _is_understood(self, want: Any, column_type: ColumnType = BOOL) -> bool:
        """Evaluate an expression on sample values. One that is not understood is left to PostgreSQL."""
        table = self._table

        def value(name: str) -> Any:
            if name not in self._generators.columns:
                raise UnsupportedExpression(name)
            return make_sample_value(table.column_types[name], table.get_column(name))

        try:
            cast(evaluate(want, value, 1, table.as_of), column_type, column_type.name)
        except UnsupportedExpression:
            return False
        return True

    def _assigned(self, want: Any, group: Group) -> str | None:
        """The column that a condition sets equal to an expression of others, so that it is computed."""
        if not isinstance(want, exp.EQ):
            return None
        for target, other in ((want.left, want.right), (want.right, want.left)):
            column = target.unnest()
            if not isinstance(column, exp.Column) or not find_columns(other):
                continue
            name, table = column.name, self._table
            free = name not in table.rules and table.key_of(name) is None and name not in table.uniqueness.columns
            known = free and table.column_types[name].is_number and self._is_understood(other, table.column_types[name])
            if known and name not in group.assigned | _needs(group, other):
                return name
        return None


def _other_side(want: Any, target: str) -> Any:
    column = want.left.unnest()
    return want.right if isinstance(column, exp.Column) and column.name == target else want.left


def _needs(group: Group, want: Any) -> dict[str, Any]:
    """The columns that an expression depends on, directly or through others."""
    found, waiting = {}, list(find_columns(want))
    while waiting:
        name = waiting.pop()
        if name not in found:
            found[name] = True
            waiting += find_columns(group.assigned[name][1]) if name in group.assigned else ()
    return found


def _joined(groups: dict[str, Group], names: frozenset[str] | set[str]) -> Group:
    """Merge the groups that have any of these columns."""
    joined = Group()
    for other in {id(groups[name]): groups[name] for name in names if name in groups}.values():
        joined.columns |= other.columns
        joined.wants += other.wants
        joined.assigned |= other.assigned
        joined.references += other.references
    joined.columns |= names
    for name in joined.columns:
        groups[name] = joined
    return joined
