"""How exclusion constraints are kept: by places of a timetable, or by ranges side by side."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from sqlglot import exp

from seedbed.errors import UnsupportedUniqueConstraint
from seedbed.seeding.analysis.exclusion_constraints import Exclusion, column_of, span_of
from seedbed.seeding.resolution.scheduling.slots import Slots

if TYPE_CHECKING:
    from seedbed.seeding.planning.table_plan import TablePlan
    from seedbed.seeding.resolution.uniqueness import Uniques


def keep_in_slots(table: "TablePlan", exclusion: Exclusion, found: "Uniques") -> None:
    """Two columns that are the ends of a range have their rows at places of a timetable, unless the seeds fill them."""
    if _ranges(table, exclusion):
        return
    for element, operator in exclusion.elements:
        found_here = span_of(table, element) if operator == "&&" else None
        if found_here is None or found_here[0].start in table.rules:
            continue
        span, touching = found_here
        slots = next((slots for slots in found.slots if slots.span == span), None)
        if slots is None:
            slots = Slots(table, span)
            found.slots.append(slots)
        slots.add(tuple(_told_apart(table, exclusion)), touching=touching)
        return


def _told_apart(table: "TablePlan", exclusion: Exclusion) -> Iterator[str]:
    """Columns whose values tell rows that may overlap; what only the server can tell equal is left out."""
    for element, operator in exclusion.elements:
        name = column_of(table, element) if operator == "=" and isinstance(element, exp.Column) else None
        kind = table.kinds.get(name) if name is not None else None
        if name is not None and kind is not None and kind.name not in {"citext", "bpchar"} and not table.left_out(name):
            yield name


def _ranges(table: "TablePlan", exclusion: Exclusion) -> list[str]:
    """Columns of ranges that may not overlap."""
    named = [column_of(table, element) for element, operator in exclusion.elements if operator == "&&"]
    return [n for n in named if n is not None and n in table.kinds and table.kinds[n].name.endswith("range")]


def keep_apart(table: "TablePlan", exclusion: Exclusion, found: "Uniques") -> None:
    """Ranges that may not overlap are made side by side over the whole table.

    Raises:
        UnsupportedUniqueConstraint: what may not overlap is neither a range nor made of two columns, and no rule fills it.
    """
    ranges = _ranges(table, exclusion)
    found.columns.update(dict.fromkeys(ranges, "row"))
    apart = [element for element, operator in exclusion.elements if operator == "&&"]
    spans = [found_here[0] for element in apart if (found_here := span_of(table, element)) is not None]
    read = [element for element in apart if isinstance(element, exp.Expression)]
    named = {column.name for element in read for column in element.find_all(exp.Column)}
    ruled = any(name in table.rules for name in named)
    served = any(slots.span in spans for slots in found.slots)
    if apart and not (ranges or served or ruled):
        raise UnsupportedUniqueConstraint(table.name, exclusion.shown, [], is_exclusion=True)
