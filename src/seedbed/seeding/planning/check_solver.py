"""Values that satisfy the CHECKs of a table."""

from typing import Any

from sqlglot import exp

from seedbed.seeding.analysis.checks import BOOL, UnsupportedExpression, cast, evaluate, find_columns
from seedbed.seeding.analysis.checks.constants import make_sample_value
from seedbed.seeding.analysis.foreign_keys import ForeignKey
from seedbed.seeding.core.column_batch import Batch
from seedbed.seeding.core.postgres_types import MOMENTS, ColumnType
from seedbed.seeding.core.random_stream import Ints
from seedbed.seeding.encoding.rows import RowEncoder
from seedbed.seeding.planning.check_redraw import CheckGroup, RowRedraw
from seedbed.seeding.planning.table_generators import TableGenerators
from seedbed.seeding.resolution.references import make_references

_MAX_BATCHES = 40
"""Batches that are kept, since the columns of a chunk read one another."""


class CheckSolver:
    """Computes columns and redraws rows until the CHECKs of a table are satisfied. The number of attempts depends only
    on the row, so a row stays a function of its number.
    """

    def __init__(self, generators: TableGenerators, encoder: RowEncoder) -> None:
        self._generators, self._table, self._encoder = generators, generators.table, encoder
        self._groups = self._group_columns()
        self._batches: dict[tuple[str, int, int], Batch] = {}
        self._redraws: dict[tuple[int, int, int], RowRedraw] = {}

    def computed(self, column: str) -> str | None:
        """The SQL expression that a column is computed from, or None where it is drawn."""
        group = self._groups.get(column)
        expression = group.computed_columns.get(column) if group is not None else None
        return None if expression is None else expression[1].sql("postgres").replace('"', "")

    def batch(self, column: str, rows: range) -> Batch:
        key = (column, rows.start, rows.stop)
        if key in self._batches:
            return self._batches[key]
        group = self._groups.get(column)
        if group is None:
            batch = self._generators.columns[column].make(rows)
            if not self._redraws:  # else it may follow from keys that are about to be drawn again
                self._store(key, batch)
            return batch
        drawing = self._find_running_redraw(group, rows)
        if drawing is not None:
            return drawing.batch(column)
        for name, batch in self._redraw(group, rows).batches.items():
            self._store((name, rows.start, rows.stop), batch)
        return self._batches[key]

    def parents(self, key: ForeignKey, rows: range) -> Ints | None:
        """The parent rows that a key refers to after redrawing, or None where no CHECK concerns it."""
        group = next((self._groups[name] for name in key.columns if name in self._groups), None)
        if group is None or key not in [one.key for one in group.references]:
            return None
        drawing = self._find_running_redraw(group, rows) or self._redraw(group, rows)
        return drawing.parents(key)

    @property
    def is_drawing(self) -> bool:
        """Whether a redraw is running, so that values are not final."""
        return bool(self._redraws)

    def _find_running_redraw(self, group: CheckGroup, rows: range) -> RowRedraw | None:
        return self._redraws.get((id(group), rows.start, rows.stop))

    def _redraw(self, group: CheckGroup, rows: range) -> RowRedraw:
        key = (id(group), rows.start, rows.stop)
        drawing = self._redraws[key] = RowRedraw(self._generators, self._encoder, group, rows)
        try:
            drawing.redraw()
        finally:
            del self._redraws[key]
        return drawing

    def _store(self, key: tuple[str, int, int], batch: Batch) -> None:
        while len(self._batches) >= _MAX_BATCHES + 2 * len(self._table.column_types):
            del self._batches[next(iter(self._batches))]
        self._batches[key] = batch

    def _group_columns(self) -> dict[str, CheckGroup]:
        groups: dict[str, CheckGroup] = {}
        for check, condition in self._table.joint_checks:
            names = find_columns(condition) & set(self._generators.columns)
            if not names or not self._can_evaluate(condition):
                continue
            joined = _merge_groups(groups, names)
            target = self._find_computed_column(condition, joined)
            if target is None:
                joined.conditions.append((check, condition))
            else:
                joined.computed_columns[target] = (check, _get_other_side(condition, target))
        for group in {id(group): group for group in groups.values()}.values():
            if group is groups[next(iter(group.columns))]:
                self._complete(group, groups)
        return groups

    def _complete(self, group: CheckGroup, groups: dict[str, CheckGroup]) -> None:
        """Add the columns that must change when keys of a group are redrawn.

        These are other columns of the keys, and times that depend on the parent rows.
        """
        table = self._table
        found_references = [
            one
            for one in make_references(table)
            if one.can_vary and any(table.find_key(name) is one.key for name in group.columns)
        ]
        more = {name for one in found_references for name in one.key.columns if table.find_key(name) is one.key}
        if any(self._is_time(name) for name in group.columns) and found_references:
            times = (name for name in self._generators.columns if self._is_time(name))
            more |= {name for name in times if table.uniqueness.find_slots(name) is None}
        joined = _merge_groups(groups, group.columns | (more & set(self._generators.columns)))
        keys = {one.key.columns for one in (*found_references, *joined.references)}
        joined.references = [one for one in make_references(table) if one.key.columns in keys]

    def _is_time(self, name: str) -> bool:
        return self._table.column_types[name].name in MOMENTS | {"date"}

    def _can_evaluate(self, expression: Any, column_type: ColumnType = BOOL) -> bool:
        """Evaluate an expression on sample values. One that is not understood is left to PostgreSQL."""
        table = self._table

        def value(name: str) -> Any:
            if name not in self._generators.columns:
                raise UnsupportedExpression(name)
            return make_sample_value(table.column_types[name], table.get_column(name))

        try:
            cast(evaluate(expression, value, 1, table.as_of), column_type, column_type.name)
        except UnsupportedExpression:
            return False
        return True

    def _find_computed_column(self, condition: Any, group: CheckGroup) -> str | None:
        """The column that a condition sets equal to an expression of others, so that it is computed."""
        if not isinstance(condition, exp.EQ):
            return None
        for target, other in ((condition.left, condition.right), (condition.right, condition.left)):
            column = target.unnest()
            if not isinstance(column, exp.Column) or not find_columns(other):
                continue
            name, table = column.name, self._table
            free = name not in table.rules and table.find_key(name) is None and name not in table.uniqueness.columns
            known = free and table.column_types[name].is_number and self._can_evaluate(other, table.column_types[name])
            if known and name not in group.computed_columns | _find_dependencies(group, other):
                return name
        return None


def _get_other_side(condition: Any, target: str) -> Any:
    column = condition.left.unnest()
    return condition.right if isinstance(column, exp.Column) and column.name == target else condition.left


def _find_dependencies(group: CheckGroup, expression: Any) -> dict[str, Any]:
    """The columns that an expression depends on, directly or through others."""
    dependencies, waiting = {}, list(find_columns(expression))
    while waiting:
        name = waiting.pop()
        if name not in dependencies:
            dependencies[name] = True
            waiting += find_columns(group.computed_columns[name][1]) if name in group.computed_columns else ()
    return dependencies


def _merge_groups(groups: dict[str, CheckGroup], names: frozenset[str] | set[str]) -> CheckGroup:
    """Merge the groups that have any of these columns."""
    merged = CheckGroup()
    for other in {id(groups[name]): groups[name] for name in names if name in groups}.values():
        merged.columns |= other.columns
        merged.conditions += other.conditions
        merged.computed_columns |= other.computed_columns
        merged.references += other.references
    merged.columns |= names
    for name in merged.columns:
        groups[name] = merged
    return merged
