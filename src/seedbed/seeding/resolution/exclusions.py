"""How exclusion constraints are kept: by slots of a timetable, or by adjacent ranges."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace

from sqlglot import exp

from seedbed.errors import UnsupportedUniqueConstraint
from seedbed.seeding.analysis.exclusion_constraints import Exclusion, Span, find_column, find_span
from seedbed.seeding.analysis.table_spec import TableSpec


@dataclass(frozen=True)
class SlotColumns:
    """Two columns, `span`, between which rows that agree in all columns of one of `groups` do not overlap.

    Unless `touching`, no end may be the next one's start.
    """

    span: Span
    groups: tuple[tuple[str, ...], ...]
    touching: bool

    def keeps(self, columns: Collection[str]) -> bool:
        """Whether rows that agree in these columns are in one group, and so begin at different times."""
        return self.span.start in columns and any(set(group) <= set(columns) for group in self.groups)


def find_slots(table: TableSpec, exclusions: Sequence[Exclusion]) -> list[SlotColumns]:
    """The columns that are the ends of a range which may not overlap with others, unless the seeds fill them."""
    found: dict[Span, SlotColumns] = {}
    for exclusion in exclusions:
        if _ranges(table, exclusion):
            continue
        for element, operator in exclusion.elements:
            ends = find_span(table, element) if operator == "&&" else None
            if ends is None or ends[0].start in table.rules:
                continue
            span, touching = ends
            known = found.get(span, SlotColumns(span, (), touching=True))
            group = tuple(_told_apart(table, exclusion))
            found[span] = replace(known, groups=(*known.groups, group), touching=known.touching and touching)
            break
    return [*found.values()]


def side_by_side_ranges(table: TableSpec, exclusion: Exclusion, slots: Sequence[SlotColumns]) -> list[str]:
    """Columns of ranges that may not overlap. They are made side by side over the whole table.

    Raises:
        UnsupportedUniqueConstraint: it is over neither a range nor two columns, and no rule fills it.
    """
    ranges = _ranges(table, exclusion)
    elements = [element for element, operator in exclusion.elements if operator == "&&"]
    spans = [ends[0] for element in elements if (ends := find_span(table, element)) is not None]
    read = [element for element in elements if isinstance(element, exp.Expression)]
    named = {column.name for element in read for column in element.find_all(exp.Column)}
    ruled = any(name in table.rules for name in named)
    served = any(one.span in spans for one in slots)
    if elements and not (ranges or served or ruled):
        raise UnsupportedUniqueConstraint(table.name, exclusion.label, [], is_exclusion=True)
    return ranges


def _told_apart(table: TableSpec, exclusion: Exclusion) -> Iterator[str]:
    """Columns whose values tell rows that may overlap; what only the server can tell equal is left out."""
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


def _ranges(table: TableSpec, exclusion: Exclusion) -> list[str]:
    """Columns of ranges that may not overlap."""
    named = [find_column(table, element) for element, operator in exclusion.elements if operator == "&&"]
    return [
        n for n in named if n is not None and n in table.column_types and table.column_types[n].name.endswith("range")
    ]
