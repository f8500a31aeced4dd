"""A revision as it ran on a temporary database, for the detectors of the hazard rules."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from seedbed.migrations.hazards.schema_objects import SchemaObject
from seedbed.migrations.hazards.trace import Trace, TracedStatement

SMALL = 1_000
"""A table with fewer rows is rewritten or scanned within a millisecond or two, so it blocks nobody noticeably."""


@dataclass(frozen=True)
class ObservedRevision:
    """A revision as it ran on a temporary database.

    It holds the trace, the row counts of the target's tables where there are statistics, and whether the downgrade
    raises an exception.
    """

    trace: Trace
    row_counts: Mapping[str, int]
    is_irreversible: bool = False

    def may_be_large(self, name: str) -> bool:
        """Return whether a table may have many rows. A table without statistics may."""
        return self.row_counts.get(name, SMALL) >= SMALL

    @property
    def statements(self) -> Iterable[TracedStatement]:
        return self.trace.statements

    def select_initial(self, tables: Iterable[int]) -> list[int]:
        """Return those of the tables that existed before the revision."""
        return [table for table in tables if table in self.trace.initial_tables]


def find_removed(observed: ObservedRevision, *types: str) -> Iterable[SchemaObject]:
    """Return the objects that no longer exist, except those whose table was dropped too."""
    remaining = {schema_object.key for schema_object in observed.trace.objects_after}
    tables = observed.trace.statements[-1].after.names if observed.trace.statements else {}
    for schema_object in observed.trace.objects_before:
        if (
            schema_object.type in types
            and schema_object.key not in remaining
            and (not schema_object.table or schema_object.table in tables)
        ):
            yield schema_object
