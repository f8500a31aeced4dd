"""How exclusion constraints are satisfied: by slots of a timetable, or by adjacent ranges."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace

from sqlglot import exp

from seedbed.errors import UnsupportedUniqueConstraint
from seedbed.seeding.analysis.table_spec import TableSpec
from seedbed.seeding.analysis.unique_constraints import (
    Exclusion,
    Span,
    find_column,
    find_span,
)


@dataclass(frozen=True)
class SlotColumns:
    """The start and end columns, `span`, of ranges that do not overlap within a group. Each of `groups` is a set of
    columns.

    Unless ranges `may_touch`, no end may equal the next start.
    """

    span: Span
    groups: tuple[tuple[str, ...], ...]
    may_touch: bool

    def implies_distinct(self, columns: Collection[str]) -> bool:
        """Tell whether rows that agree in these columns are in one group, and so start at different times."""
        return self.span.start in columns and any(set(group) <= set(columns) for group in self.groups)


def find_slots(table: TableSpec, exclusions: Sequence[Exclusion]) -> list[SlotColumns]:
    """Find pairs of columns that are the ends of ranges that must not overlap, unless the seeds fill them."""
    slots: dict[Span, SlotColumns] = {}
    for exclusion in exclusions:
        if _find_range_columns(table, exclusion):
            continue
        for element, operator in exclusion.elements:
            span_and_bounds = find_span(table, element) if operator == "&&" else None
            if span_and_bounds is None or span_and_bounds[0].start in table.rules:
                continue
            span, touching = span_and_bounds
            existing = slots.get(span, SlotColumns(span, (), may_touch=True))
            group = tuple(_find_group_columns(table, exclusion))
            slots[span] = replace(existing, groups=(*existing.groups, group), may_touch=existing.may_touch and touching)
            break
    return [*slots.values()]


def find_adjacent_ranges(table: TableSpec, exclusion: Exclusion, slots: Sequence[SlotColumns]) -> list[str]:
    """Find range columns that must not overlap. Their values are adjacent over the whole table.

    Raises:
        UnsupportedUniqueConstraint: it is over neither a range nor two columns, and no rule fills it.
    """
    ranges = _find_range_columns(table, exclusion)
    elements = [element for element, operator in exclusion.elements if operator == "&&"]
    spans = [ends[0] for element in elements if (ends := find_span(table, element)) is not None]
    expressions = [element for element in elements if isinstance(element, exp.Expression)]
    columns = {column.name for element in expressions for column in element.find_all(exp.Column)}
    is_filled_by_rule = any(name in table.rules for name in columns)
    has_slots = any(one.span in spans for one in slots)
    if elements and not (ranges or has_slots or is_filled_by_rule):
        raise UnsupportedUniqueConstraint(table.name, exclusion.label, [], is_exclusion=True)
    return ranges


def _find_group_columns(table: TableSpec, exclusion: Exclusion) -> Iterator[str]:
    """Yield the columns that define groups, without types whose equality only the server knows."""
    for element, operator in exclusion.elements:
        name = find_column(table, element) if operator == "=" and isinstance(element, exp.Column) else None
        column_type = table.column_types.get(name) if name is not None else None
        if (
            name is None
            or column_type is None
            or column_type.name in {"citext", "bpchar"}
            or table.is_left_to_database(name)
        ):
            continue
        yield name


def _find_range_columns(table: TableSpec, exclusion: Exclusion) -> list[str]:
    """Columns of ranges that may not overlap."""
    columns = [find_column(table, element) for element, operator in exclusion.elements if operator == "&&"]
    return [
        n for n in columns if n is not None and n in table.column_types and table.column_types[n].name.endswith("range")
    ]


def find_column_slots(slots: Sequence[SlotColumns], column: str) -> SlotColumns | None:
    return next((one for one in slots if column in {one.span.start, one.span.end}), None)
