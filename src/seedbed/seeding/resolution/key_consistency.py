"""Keys that meet again agree: a task's project is one of the task's own tenant."""

from typing import TYPE_CHECKING

import numpy as np

from seedbed.seeding.core.random_stream import Ints
from seedbed.seeding.resolution.references import Reference

if TYPE_CHECKING:
    from seedbed.seeding.planning.table_plan import TablePlan


class Agreement:
    """What the keys of a table have in common with one another; its arrays are as long as the table or a parent."""

    def __init__(self, table: "TablePlan") -> None:
        self._table = table
        self._known: dict[str, list[str]] = {}
        self._roots: dict[str, tuple[str, Ints]] = {}
        self._allowed: dict[str, Ints | None] = {}

    def forget(self) -> None:
        """Work it all out again: what keys say of one another has changed."""
        self._known.clear()
        self._roots.clear()
        self._allowed.clear()

    def known_before(self, reference: Reference) -> list[str]:
        """Columns that a key's row must agree in with what keys before it have settled."""
        if reference.name not in self._known:
            table, all_ = self._table, self._table.references
            names = [other.name for other in all_]
            before = all_[: names.index(reference.name)] if reference.name in names else []
            said = {column for other in before if other.parent is not table for column in other.says}
            inside = reference.parent is not table
            self._known[reference.name] = [column for column in reference.says if column in said and inside]
        return self._known[reference.name]

    def root_of(self, column: str, rows: range) -> Ints:
        """Which of the things that a column's values come from each row has, by the first key that says so."""
        reference = next(r for r in self._table.references if column in r.says)
        chosen = reference.parents(rows)
        roots = reference.parent.roots(reference.says[column])[1]
        if not len(roots):
            return np.full(len(rows), -1, dtype=np.int64)
        return np.where(chosen < 0, -1, roots[np.maximum(chosen, 0)])

    def roots(self, column: str) -> tuple[str, Ints]:
        """What a column's values come from in the end, by name, and which of it each row has."""
        if column not in self._roots:
            table = self._table
            reference = next((r for r in table.references if column in r.columns and r.parent is not table), None)
            if reference is None:
                self._roots[column] = (f"{table.name}.{column}", np.arange(table.count, dtype=np.int64))
            else:
                shown, above = reference.parent.roots(dict(reference.pairs)[column])
                chosen = reference.parents(range(table.count))
                settled = above[np.maximum(chosen, 0)] if len(above) else chosen
                self._roots[column] = (shown, np.where(chosen < 0, -1, settled))
        return self._roots[column]

    def allowed(self, reference: Reference) -> Ints | None:
        """The rows of a parent that leave a choice for every key that comes after; None where all do."""
        if reference.name not in self._allowed:
            mask = self._sizes(reference) > 0
            self._allowed[reference.name] = None if mask.all() else np.flatnonzero(mask).astype(np.int64)
        return self._allowed[reference.name]

    def most(self, base: Reference) -> Ints | None:
        """How many rows each parent may have at the most: none where later keys would have no choice."""
        settled = [product.most() for product in self._table.uniques.products if product.within is base]
        sizes = self._sizes(base)
        if (sizes == 0).any():
            settled.append(np.where(sizes > 0, np.int64(2**62), 0))
        return None if not settled else np.min(np.stack(settled), axis=0)

    def _sizes(self, reference: Reference) -> Ints:
        sizes = np.ones(reference.parent.count, dtype=np.int64)
        references = self._table.references
        for other in references[references.index(reference) + 1 :]:
            known = self.known_before(other)
            if known and not other.nullable and set(known) <= set(reference.says):
                roots = {column: reference.parent.roots(reference.says[column])[1] for column in known}
                sizes = np.minimum(sizes, other.groups_by(roots)[1])
        return sizes
