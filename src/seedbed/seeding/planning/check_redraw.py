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
from seedbed.seeding.analysis.checks.sample_values import get_comparable_type
from seedbed.seeding.analysis.foreign_keys import ForeignKey
from seedbed.seeding.api.rules import Choice, Derived, FakerValues, Template
from seedbed.seeding.core.batch import Batch, Bools, Numbers, make_objects, merge
from seedbed.seeding.core.big_integers import shrink
from seedbed.seeding.core.column_types import ColumnType
from seedbed.seeding.core.number_codec import encode_number, make_decimal
from seedbed.seeding.core.random_stream import Ints
from seedbed.seeding.encoding.rows import RowEncoder
from seedbed.seeding.generators.column_generator import ColumnGenerator
from seedbed.seeding.planning.explicit_rows import with_explicit_rows
from seedbed.seeding.planning.table_generators import TableGenerators
from seedbed.seeding.resolution.references import Reference, reference

_ATTEMPTS = 40
_OWN = 25
"""Attempts that leave alone what a rule of the seeds fills; after them a choice may be drawn again."""
_HINTED = 0.4


class Group:
    """Columns that CHECKs bind together, with those CHECKs, the computed columns and the keys among them."""

    def __init__(self) -> None:
        self.columns: set[str] = set()
        self.wants: list[tuple[Check, exp.Expression]] = []
        self.assigned: dict[str, tuple[Check, exp.Expression]] = {}
        self.references: list[Reference] = []


class RowRedraw:
    """The values drawn for some rows. A column that depends on another reads it, and so is made after it."""

    def __init__(self, generators: TableGenerators, encoder: RowEncoder, group: Group, rows: range) -> None:
        self._generators, self._encoder, self._group, self._rows = generators, encoder, group, rows
        self._table = table = generators.table
        self.made: dict[str, Batch] = {}
        self._parents: dict[str, Ints] = {}
        self._misfits: dict[str, Bools] = {}
        self._vectors: dict[str, tuple[Batch, Vector]] = {}
        self._waiting: set[str] = set()
        self._attempt = 0
        self._bad: Bools = np.zeros(len(rows), dtype=np.bool_)
        self._names = [name for name in generators.columns if name in group.columns]
        self._following = [name for name in self._names if isinstance(table.rules.get(name), Derived | Template)]
        self._drawn = [name for name in self._names if name not in self._following and name not in group.assigned]
        self._keys = {
            name: one for one in group.references for name in one.key.columns if table.key_of(name) is one.key
        }

    def settle(self) -> None:
        """Draw all columns, and redraw rows that a CHECK refuses, a limited number of times."""
        for name in self._names:
            self.batch(name)
        for attempt in range(1, _ATTEMPTS):
            self._bad = self._refused()
            if not self._bad.any():
                return
            self._attempt = attempt
            self._waiting = {name for name in self._drawn if self._may_vary(name)}
            self._remake()
        self._empty()

    def batch(self, name: str) -> Batch:
        if name in self._waiting:
            self._waiting.discard(name)
            self._draw_again(name)
        if name not in self.made:
            self.made[name] = self._computed(name) if name in self._group.assigned else self._first(name)
        return self.made[name]

    def parents(self, key: ForeignKey) -> Ints:
        """The rows that a key refers to, as far as it has been drawn."""
        waiting = next((name for name in key.columns if name in self._waiting and name in self._keys), None)
        if waiting is not None:
            self.batch(waiting)
        if key.name not in self._parents:
            self._parents[key.name] = reference(self._table, key).draw(self._rows)
        return self._parents[key.name]

    def _first(self, name: str) -> Batch:
        return self._generators.columns[name].make(self._rows)

    def _remake(self) -> None:
        for name in [*self._following, *self._group.assigned]:
            self.made.pop(name, None)
        for name in self._names:
            self.batch(name)

    def _may_vary(self, name: str) -> bool:
        rule = self._table.rules.get(name)
        return rule is None or name in self._keys or (self._attempt > _OWN and isinstance(rule, Choice | FakerValues))

    def _draw_again(self, name: str) -> None:
        if name in self._keys:
            self._choose_again(self._keys[name])
            return
        again = self._generators.redraw(name, self._attempt)
        if again is not None:
            batch = self._hinted(again.make(self._rows), name)
            self.made[name] = merge(self.made[name], batch, self._bad)

    def _choose_again(self, of: Reference) -> None:
        """Choose other parents for refused rows, and with them all columns of the key."""
        before = self.parents(of.key)
        own = [name for name, other in self._keys.items() if other.key is of.key]
        self._waiting -= set(own)
        chosen = np.where(self._bad, of.redraw(self._attempt).draw(self._rows), before)
        self._parents[of.key.name] = chosen
        for name in own:
            found = of.keys(name, chosen)
            generator = ColumnGenerator(name, "", lambda _, found=found: found)  # type: ignore[misc]
            self.made[name] = with_explicit_rows(self._table, generator).make(self._rows)

    def _hinted(self, batch: Batch, name: str) -> Batch:
        """Put numbers that a CHECK compares with into some rows: a random draw would hardly hit them."""
        if not isinstance(batch, Numbers) or not batch.column_type.is_number:
            return batch
        said = dict.fromkeys(
            value for _, want in self._group.wants for value in find_compared_constants(want).get(name, ())
        )
        constraints = self._table.value_constraints[name]
        known = [number for value in said if (number := encode_number(value, batch.column_type)) is not None]
        limit = 1 << 63
        allowed = [
            n
            for n in known
            if -limit < n < limit
            and (constraints.low is None or n >= constraints.low)
            and (constraints.high is None or n <= constraints.high)
        ]
        if not allowed:
            return batch
        stream = self._table.make_stream(name).substream(f"hint {self._attempt}")
        hints = np.array(allowed)[stream.below(len(allowed), self._rows)].astype(batch.data.dtype)
        which = stream.substream("which").fractions(self._rows) < _HINTED
        return Numbers(batch.nulls, np.where(which, hints, batch.data), batch.column_type)

    def _vector(self, name: str) -> Vector:
        """A column's values as PostgreSQL will store them."""
        batch = self.batch(name)
        kept = self._vectors.get(name)
        if kept is None or kept[0] is not batch:
            table = self._table
            column_type = get_comparable_type(table.column_types[name], table.get_column(name))
            kept = self._vectors[name] = (batch, read_batch(self._encoder.processed(name, batch), column_type))
        return kept[1]

    def _computed(self, name: str) -> Batch:
        """Compute a column from others. A row whose value its type cannot hold is redrawn."""
        column_type, (check, want) = self._table.column_types[name], self._group.assigned[name]
        for column in find_columns(want):
            self.batch(column)
        value = evaluate(want, self._vector, len(self._rows), self._table.as_of)
        held = (
            column_type
            if column_type.name != "numeric" or column_type.size is not None
            else ColumnType("numeric", scale=column_type.decimals)
        )
        found = cast(value, held, column_type.name)
        inexact = (
            ~found.nulls & ~are_equal(value, found) & bool(check.conditions)
        )  # what only we say of sums may be rounded
        self._misfits[name] = self._misfitting(name, found) | inexact
        if inexact.any() and column_type.name == "numeric" and column_type.size is None:  # which holds any decimals
            self._misfits[name] = self._misfitting(name, found)
            return make_objects(_decimals(value))
        return Numbers(found.nulls if found.nulls.any() else None, shrink(found.data), column_type)

    def _misfitting(self, name: str, found: Vector) -> Bools:
        constraints = self._table.value_constraints[name]
        misfits = np.zeros(len(self._rows), dtype=np.bool_)
        if found.faults is not None:
            misfits |= found.faults > 0
        if constraints.not_null:
            misfits |= found.nulls
        for bound, beyond in ((constraints.low, np.less), (constraints.high, np.greater)):
            if bound is not None:
                misfits |= beyond(found.data, bound).astype(np.bool_) & ~found.nulls
        return misfits

    def _refused(self) -> Bools:
        bad = np.zeros(len(self._rows), dtype=np.bool_)
        for _, want in self._group.wants:
            bad |= find_violations(want, self._vector, len(self._rows), self._table.as_of)
        for misfits in self._misfits.values():
            bad |= misfits
        return bad

    def _empty(self) -> None:
        """Set refused values to NULL where that makes the CHECKs pass."""
        for name in self._drawn:
            self._bad = self._refused()
            if not self._bad.any():
                return
            column = self._table.get_column(name)
            if column.nullable and not self._table.value_constraints[name].not_null and name not in self._table.rules:
                self._without(name)

    def _without(self, name: str) -> None:
        kept = self.made[name]
        self.made[name] = kept.with_nulls(self._bad)
        self._recompute()
        helped = self._bad & ~self._refused()
        self.made[name] = kept.with_nulls(helped) if helped.any() else kept
        self._recompute()
        if helped.any() and name in self._keys:
            key = self._keys[name].key
            self._parents[key.name] = np.where(helped, -1, self.parents(key))

    def _recompute(self) -> None:
        for name in self._group.assigned:
            self.made.pop(name, None)
        for name in self._group.assigned:
            self.batch(name)


def _decimals(value: Vector) -> list[Decimal | None]:
    scale = value.column_type.decimals
    return [
        None if gone else make_decimal(int(number), scale)
        for number, gone in zip(value.data.tolist(), value.nulls.tolist(), strict=True)
    ]
