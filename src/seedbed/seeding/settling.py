"""Columns that CHECKs bind together, made again where a CHECK would refuse the row."""

from typing import TYPE_CHECKING, Any

import numpy as np
from sqlglot import exp

from seedbed.seeding.batches import Batch, Bools, Numbers, Objects, merged
from seedbed.seeding.checks import Check, NotUnderstood, columns_in, compared, evaluated, refused, rounded
from seedbed.seeding.folding import folded
from seedbed.seeding.kinds import MOMENTS
from seedbed.seeding.values import Choice, Derived, FakerValues, Template

if TYPE_CHECKING:
    from seedbed.seeding.tables import TablePlan

_ATTEMPTS = 40
_OWN = 25
"""Attempts that leave alone what a rule of the seeds fills; after them a choice may be drawn again."""
_HINTED = 0.4
_KEPT = 40
"""Batches that are remembered: the columns of a chunk read one another."""


class Settling:
    """The values of a table's columns. Which attempt a row ends with follows from that row alone, so it stays a
    function of its number.
    """

    def __init__(self, table: "TablePlan") -> None:
        self._table = table
        self._groups = self._bound()
        self._batches: dict[tuple[str, int, int], Batch] = {}
        self._partial: dict[tuple[int, int, int], dict[str, Batch]] = {}

    def computed(self, column: str) -> str | None:
        """What a column is computed from, in words of SQL; None where it is drawn."""
        group = self._groups.get(column)
        want = group.assigned.get(column) if group is not None else None
        return None if want is None else want.sql("postgres").replace('"', "")

    def batch(self, column: str, rows: range) -> Batch:
        key = (column, rows.start, rows.stop)
        if key in self._batches:
            return self._batches[key]
        group = self._groups.get(column)
        if group is None:
            self._keep(key, self._table.fillings[column].make(rows))
            return self._batches[key]
        being_made = self._partial.get((id(group), rows.start, rows.stop))
        if being_made is not None:
            if column not in being_made:
                being_made[column] = self._table.fillings[column].make(rows)
            return being_made[column]
        for name, batch in self._settled(group, rows).items():
            self._keep((name, rows.start, rows.stop), batch)
        return self._batches[key]

    def _keep(self, key: tuple[str, int, int], batch: Batch) -> None:
        while len(self._batches) >= _KEPT + 2 * len(self._table.kinds):
            del self._batches[next(iter(self._batches))]
        self._batches[key] = batch

    def _bound(self) -> dict[str, "Group"]:
        groups: dict[str, Group] = {}
        for check, want in self._table.wants:
            names = columns_in(want) & set(self._table.fillings)
            if not names or not self._is_understood(want):
                continue
            joined = Group()
            for other in {id(groups[name]): groups[name] for name in names if name in groups}.values():
                joined.columns |= other.columns
                joined.wants += other.wants
                joined.assigned |= other.assigned
            joined.columns |= names
            target = self._assigned(want, joined)
            if target is None:
                joined.wants.append((check, want))
            else:
                joined.assigned[target[0]] = target[1]
            for name in joined.columns:
                groups[name] = joined
        return groups

    def _is_understood(self, want: exp.Expression) -> bool:
        """Tried on a row of stand-ins; what is not understood is left to PostgreSQL."""
        try:
            evaluated(want, self._stand_in, 1, self._table.as_of)
        except NotUnderstood:
            return False
        return True

    def _stand_in(self, name: str) -> Batch:
        kind = self._table.kinds.get(name)
        if kind is None or name not in self._table.fillings:
            raise NotUnderstood(name)
        if kind.is_text or kind.name == "enum":
            return Objects(None, ["a"])
        if kind.is_number or kind.name in MOMENTS | {"bool", "date", "time", "interval"}:
            return Numbers(None, np.ones(1, dtype=np.float64 if kind.name.startswith("float") else np.int64), kind)
        return Objects(np.ones(1, dtype=np.bool_), [""])

    def _assigned(self, want: Any, group: "Group") -> tuple[str, Any] | None:
        """A column that equals an expression of others, and so is computed rather than drawn."""
        if not isinstance(want, exp.EQ):
            return None
        for target, other in ((want.left, want.right), (want.right, want.left)):
            column = target.unnest()
            if not isinstance(column, exp.Column) or column.name in columns_in(other) or not columns_in(other):
                continue
            name, table = column.name, self._table
            free = name not in table.rules and table.reference_of(name) is None and name not in table.uniques.columns
            if free and table.kinds[name].is_number and name not in group.assigned:
                return name, other
        return None

    def _settled(self, group: "Group", rows: range) -> dict[str, Batch]:
        table = self._table
        key = (id(group), rows.start, rows.stop)
        made = self._partial[key] = {}
        try:
            ordered = [name for name in table.fillings if name in group.columns]
            following = [name for name in ordered if isinstance(table.rules.get(name), Derived | Template)]
            drawn = [name for name in ordered if name not in following and name not in group.assigned]
            for name in drawn:
                if name not in made:
                    made[name] = table.fillings[name].make(rows)
            self._follow(group, made, following, rows)
            for attempt in range(1, _ATTEMPTS):
                bad = self._bad(group, made, rows)
                if not bad.any():
                    return made
                for name in drawn:
                    rule = table.rules.get(name)
                    if rule is not None and (attempt <= _OWN or not isinstance(rule, Choice | FakerValues)):
                        continue
                    again = table.varied(name, attempt)
                    if again is not None:
                        batch = self._hinted(group, again.make(rows), name, attempt, rows)
                        made[name] = merged(made[name], batch, bad)
                self._follow(group, made, following, rows)
            self._emptied(group, made, drawn, rows)
            return made
        finally:
            del self._partial[key]

    def _hinted(self, group: "Group", batch: Batch, name: str, attempt: int, rows: range) -> Batch:
        """The same, with numbers in some rows that the CHECKs compare it with: nobody draws just a nought by chance."""
        if not isinstance(batch, Numbers) or not batch.kind.is_number:
            return batch
        said = dict.fromkeys(value for _, want in group.wants for value in compared(want).get(name, ()))
        facts = self._table.facts[name]
        known = [number for value in said if (number := folded(value, batch.kind)) is not None]
        allowed = [
            n for n in known if (facts.low is None or n >= facts.low) and (facts.high is None or n <= facts.high)
        ]
        if not allowed:
            return batch
        stream = self._table.stream(name).part(f"hint {attempt}")
        hints = np.array(allowed)[stream.below(len(allowed), rows)].astype(batch.data.dtype)
        which = stream.part("which").fractions(rows) < _HINTED
        return Numbers(batch.nulls, np.where(which, hints, batch.data), batch.kind)

    def _follow(self, group: "Group", made: dict[str, Batch], following: list[str], rows: range) -> None:
        for name in following:
            made.pop(name, None)
        for name in following:
            if name not in made:
                made[name] = self._table.fillings[name].make(rows)
        for name, want in group.assigned.items():
            made[name] = self._computed(name, want, made, rows)

    def _computed(self, name: str, want: exp.Expression, made: dict[str, Batch], rows: range) -> Batch:
        kind = self._table.kinds[name]
        if any(column not in made for column in columns_in(want) if column in self._table.fillings):
            for column in columns_in(want):
                made.setdefault(column, self._table.fillings[column].make(rows))
        found = evaluated(want, lambda column: made[column], len(rows), self._table.as_of)
        values = found.data.astype(np.float64)
        if kind.name.startswith("float"):
            return Numbers(found.nulls if found.nulls.any() else None, values, kind)
        unit = 10.0**kind.decimals if kind.name == "numeric" else 1.0
        whole = rounded(np.where(found.nulls, 0, values) * unit).astype(np.int64)
        return Numbers(found.nulls if found.nulls.any() else None, whole, kind)

    def _bad(self, group: "Group", made: dict[str, Batch], rows: range) -> Bools:
        bad = np.zeros(len(rows), dtype=np.bool_)
        for _, want in group.wants:
            bad |= refused(want, made.__getitem__, len(rows), self._table.as_of)
        return bad

    def _emptied(self, group: "Group", made: dict[str, Batch], drawn: list[str], rows: range) -> None:
        """A CHECK that a NULL is in the way of refuses nothing."""
        for name in drawn:
            bad = self._bad(group, made, rows)
            if not bad.any():
                return
            column = self._table.column(name)
            if column.nullable and not self._table.facts[name].not_null and name not in self._table.rules:
                kept = made[name]
                made[name] = kept.without(bad)
                helped = bad & ~self._bad(group, made, rows)
                made[name] = kept.without(helped) if helped.any() else kept


class Group:
    """Columns that CHECKs bind, what these want, and columns that are computed from the others."""

    def __init__(self) -> None:
        self.columns: set[str] = set()
        self.wants: list[tuple[Check, exp.Expression]] = []
        self.assigned: dict[str, exp.Expression] = {}
