"""Rows of columns that CHECKs bind together, redrawn until the CHECKs accept them."""

from decimal import Decimal

import numpy as np
from sqlglot import exp

from seedbed.seeding.analysis.checks import (
    Check,
    Vector,
    are_equal,
    cast,
    evaluate,
    find_columns,
    find_compared_constants,
    find_violations,
    read_batch,
)
from seedbed.seeding.analysis.checks.constants import get_comparable_type
from seedbed.seeding.analysis.foreign_keys import ForeignKey
from seedbed.seeding.api.rules import Choice, Derived, FakerValues, Template
from seedbed.seeding.core.big_integers import shrink
from seedbed.seeding.core.column_batch import Batch, Bools, Numbers, make_objects, merge
from seedbed.seeding.core.number_codec import encode_number, make_decimal
from seedbed.seeding.core.postgres_types import ColumnType
from seedbed.seeding.core.random_stream import Ints
from seedbed.seeding.encoding.rows import RowEncoder
from seedbed.seeding.generators.column_generator import ColumnGenerator
from seedbed.seeding.planning.table_generators import TableGenerators, add_explicit_rows
from seedbed.seeding.resolution.references import Reference, make_reference

_MAX_ATTEMPTS = 40
_ATTEMPTS_WITHOUT_RULES = 25
"""Attempts that leave alone what a rule of the seeds fills; after them a choice may be drawn again."""
_HINT_FRACTION = 0.4


class CheckGroup:
    """Columns that share CHECKs, with these CHECKs and with the computed columns and the keys among them."""

    def __init__(self) -> None:
        self.columns: set[str] = set()
        self.conditions: list[tuple[Check, exp.Expression]] = []
        self.computed_columns: dict[str, tuple[Check, exp.Expression]] = {}
        self.references: list[Reference] = []


class RowRedraw:
    """Draws the values of some rows until their CHECKs accept them. A column is made after those it depends on."""

    def __init__(self, generators: TableGenerators, encoder: RowEncoder, group: CheckGroup, rows: range) -> None:
        self._generators, self._encoder, self._group, self._rows = generators, encoder, group, rows
        self._table = table = generators.table
        self.batches: dict[str, Batch] = {}
        self._parents: dict[str, Ints] = {}
        self._is_misfit: dict[str, Bools] = {}
        self._vectors: dict[str, tuple[Batch, Vector]] = {}
        self._waiting: set[str] = set()
        self._attempt = 0
        self._is_refused: Bools = np.zeros(len(rows), dtype=np.bool_)
        self._names = [name for name in generators.columns if name in group.columns]
        self._derived_columns = [name for name in self._names if isinstance(table.rules.get(name), Derived | Template)]
        self._drawn_columns = [
            name for name in self._names if name not in self._derived_columns and name not in group.computed_columns
        ]
        self._keys = {
            name: one for one in group.references for name in one.key.columns if table.find_key(name) is one.key
        }

    def redraw(self) -> None:
        """Draw all columns, and redraw rows that a CHECK refuses, a limited number of times."""
        for name in self._names:
            self.batch(name)
        for attempt in range(1, _MAX_ATTEMPTS):
            self._is_refused = self._find_refused_rows()
            if not self._is_refused.any():
                return
            self._attempt = attempt
            self._waiting = {name for name in self._drawn_columns if self._may_vary(name)}
            self._redraw_waiting()
        self._set_refused_to_null()

    def batch(self, name: str) -> Batch:
        if name in self._waiting:
            self._waiting.discard(name)
            self._draw_again(name)
        if name not in self.batches:
            self.batches[name] = self._compute(name) if name in self._group.computed_columns else self._draw_first(name)
        return self.batches[name]

    def parents(self, key: ForeignKey) -> Ints:
        """Return the parent rows of a key in the current draw."""
        waiting = next((name for name in key.columns if name in self._waiting and name in self._keys), None)
        if waiting is not None:
            self.batch(waiting)
        if key.name not in self._parents:
            self._parents[key.name] = make_reference(self._table, key).draw(self._rows)
        return self._parents[key.name]

    def _draw_first(self, name: str) -> Batch:
        return self._generators.columns[name].make(self._rows)

    def _redraw_waiting(self) -> None:
        for name in [*self._derived_columns, *self._group.computed_columns]:
            self.batches.pop(name, None)
        for name in self._names:
            self.batch(name)

    def _may_vary(self, name: str) -> bool:
        rule = self._table.rules.get(name)
        return (
            rule is None
            or name in self._keys
            or (self._attempt > _ATTEMPTS_WITHOUT_RULES and isinstance(rule, Choice | FakerValues))
        )

    def _draw_again(self, name: str) -> None:
        if name in self._keys:
            self._redraw_parents(self._keys[name])
            return
        again = self._generators.redraw(name, self._attempt)
        if again is not None:
            batch = self._add_hints(again.make(self._rows), name)
            self.batches[name] = merge(self.batches[name], batch, self._is_refused)

    def _redraw_parents(self, reference: Reference) -> None:
        """Choose other parents for refused rows, and with them all columns of the key."""
        before = self.parents(reference.key)
        own = [name for name, other in self._keys.items() if other.key is reference.key]
        self._waiting -= set(own)
        chosen = np.where(self._is_refused, reference.redraw(self._attempt).draw(self._rows), before)
        self._parents[reference.key.name] = chosen
        for name in own:
            keys = reference.read_keys(name, chosen)
            generator = ColumnGenerator(name, "", lambda _, keys=keys: keys)  # type: ignore[misc]
            self.batches[name] = add_explicit_rows(self._table, generator).make(self._rows)

    def _add_hints(self, batch: Batch, name: str) -> Batch:
        """Put numbers that a CHECK compares with into some rows: a random draw would hardly hit them."""
        if not isinstance(batch, Numbers) or not batch.column_type.is_number:
            return batch
        constants = dict.fromkeys(
            value
            for _, condition in self._group.conditions
            for value in find_compared_constants(condition).get(name, ())
        )
        constraints = self._table.value_constraints[name]
        numbers = [number for value in constants if (number := encode_number(value, batch.column_type)) is not None]
        limit = 1 << 63
        allowed = [
            n
            for n in numbers
            if -limit < n < limit
            and (constraints.low is None or n >= constraints.low)
            and (constraints.high is None or n <= constraints.high)
        ]
        if not allowed:
            return batch
        stream = self._table.make_stream(name).substream(f"hint {self._attempt}")
        hints = np.array(allowed)[stream.below(len(allowed), self._rows)].astype(batch.data.dtype)
        which = stream.substream("which").fractions(self._rows) < _HINT_FRACTION
        return Numbers(batch.nulls, np.where(which, hints, batch.data), batch.column_type)

    def _get_vector(self, name: str) -> Vector:
        """A column's values as PostgreSQL will store them."""
        batch = self.batch(name)
        cached = self._vectors.get(name)
        if cached is None or cached[0] is not batch:
            table = self._table
            column_type = get_comparable_type(table.column_types[name], table.get_column(name))
            cached = self._vectors[name] = (
                batch,
                read_batch(self._encoder.apply_bind_processing(name, batch), column_type),
            )
        return cached[1]

    def _compute(self, name: str) -> Batch:
        """Compute a column from others. A row whose value its type cannot hold is redrawn."""
        column_type, (check, expression) = self._table.column_types[name], self._group.computed_columns[name]
        for column in find_columns(expression):
            self.batch(column)
        value = evaluate(expression, self._get_vector, len(self._rows), self._table.as_of)
        stored_type = (
            column_type
            if column_type.name != "numeric" or column_type.size is not None
            else ColumnType("numeric", scale=column_type.decimals)
        )
        result = cast(value, stored_type, column_type.name)
        inexact = (
            ~result.nulls & ~are_equal(value, result) & bool(check.conditions)
        )  # what only we say of sums may be rounded
        self._is_misfit[name] = self._find_misfits(name, result) | inexact
        if inexact.any() and column_type.name == "numeric" and column_type.size is None:  # which holds any decimals
            self._is_misfit[name] = self._find_misfits(name, result)
            return make_objects(_to_decimals(value))
        return Numbers(result.nulls if result.nulls.any() else None, shrink(result.data), column_type)

    def _find_misfits(self, name: str, result: Vector) -> Bools:
        constraints = self._table.value_constraints[name]
        misfits = np.zeros(len(self._rows), dtype=np.bool_)
        if result.faults is not None:
            misfits |= result.faults > 0
        if constraints.not_null:
            misfits |= result.nulls
        for bound, beyond in ((constraints.low, np.less), (constraints.high, np.greater)):
            if bound is not None:
                misfits |= beyond(result.data, bound).astype(np.bool_) & ~result.nulls
        return misfits

    def _find_refused_rows(self) -> Bools:
        is_refused = np.zeros(len(self._rows), dtype=np.bool_)
        for _, condition in self._group.conditions:
            is_refused |= find_violations(condition, self._get_vector, len(self._rows), self._table.as_of)
        for misfits in self._is_misfit.values():
            is_refused |= misfits
        return is_refused

    def _set_refused_to_null(self) -> None:
        """Set refused values to NULL where that makes the CHECKs pass."""
        for name in self._drawn_columns:
            self._is_refused = self._find_refused_rows()
            if not self._is_refused.any():
                return
            column = self._table.get_column(name)
            if column.nullable and not self._table.value_constraints[name].not_null and name not in self._table.rules:
                self._try_null(name)

    def _try_null(self, name: str) -> None:
        original = self.batches[name]
        self.batches[name] = original.with_nulls(self._is_refused)
        self._recompute()
        helped = self._is_refused & ~self._find_refused_rows()
        self.batches[name] = original.with_nulls(helped) if helped.any() else original
        self._recompute()
        if helped.any() and name in self._keys:
            key = self._keys[name].key
            self._parents[key.name] = np.where(helped, -1, self.parents(key))

    def _recompute(self) -> None:
        for name in self._group.computed_columns:
            self.batches.pop(name, None)
        for name in self._group.computed_columns:
            self.batch(name)


def _to_decimals(value: Vector) -> list[Decimal | None]:
    scale = value.column_type.decimals
    return [
        None if gone else make_decimal(int(number), scale)
        for number, gone in zip(value.data.tolist(), value.nulls.tolist(), strict=True)
    ]
