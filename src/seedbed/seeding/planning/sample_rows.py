"""Sample rows of a table, made without seeds, a database or Faker."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Table
from sqlalchemy.exc import SQLAlchemyError

from seedbed.errors import SeedError, TooFewUniqueValues
from seedbed.seeding.api.seeds_file import TableRequest
from seedbed.seeding.core.column_batch import ValuePool
from seedbed.seeding.core.faker_pool import SIZE, FakerPools, truncate
from seedbed.seeding.planning.lock_file import ENGINE, Lock
from seedbed.seeding.planning.seed_plan import analyse_table
from seedbed.seeding.planning.table_plan import TablePlan, make_sample
from seedbed.seeding.planning.table_plan_registry import TablePlanRegistry
from seedbed.seeding.resolution.parent_rows import ExistingRows
from seedbed.seeding.resolution.resolved_table import find_row_shortage

_PARENT_COUNT = 64


def make_sample_rows(
    table: Table, model: type[Any] | None, count: int, as_of: datetime
) -> Sequence[Mapping[str, str | None]]:
    """Make up to `count` rows that satisfy the CHECKs, bounds, patterns and unique keys of a model. Values are in
    PostgreSQL's text format. The result is empty if no rows can be made.

    Keys to other tables are NULL, even if NOT NULL. The caller fills them.
    """
    while count > 0:
        try:
            return make_sample(_plan_table(table, model, count, as_of), count)
        except TooFewUniqueValues as error:
            count = min(error.available, count - 1) if error.table == str(table.key) else 0
        except (SeedError, SQLAlchemyError):  # the latter of a type that SQLAlchemy cannot write down
            break
    return []


def _plan_table(table: Table, model: type[Any] | None, count: int, as_of: datetime) -> TablePlan:
    parents = {key.elements[0].column.table for key in table.foreign_key_constraints} - {table}
    existing = {
        str(other.key): ExistingRows(
            str(other.key), other.columns.keys(), [[None] * len(other.columns)] * _PARENT_COUNT
        )
        for other in parents
    }
    request = TableRequest(str(table.key), count, {}, str(table.key))
    spec = analyse_table(table, model, request, Lock(ENGINE, 1, as_of), Path(), 0)
    tables = TablePlanRegistry({spec.name: spec}, existing, _PlaceholderPools(as_of))
    if (shortage := find_row_shortage(tables.get_resolved(spec.name))) is not None:
        raise shortage
    return tables.get_plan(spec.name)


class _PlaceholderPools(FakerPools):
    """Numbered provider names instead of Faker's values."""

    def faker(
        self,
        provider: str,
        arguments: Mapping[str, Any] | None = None,  # noqa: ARG002 - as Faker's are
        *,
        longest: int | None = None,
        size: int = SIZE,
        locale: str | None = None,  # noqa: ARG002
        providers: tuple[type, ...] = (),  # noqa: ARG002
        whole: bool = False,  # noqa: ARG002
    ) -> ValuePool:
        words = provider.replace("_", " ")
        return ValuePool(provider, size, lambda j: truncate(f"{_spell_number(j)} {words}", longest))


def _spell_number(j: int) -> str:
    """A number in letters, since names from Faker have no digits."""
    return "".join(chr(ord("a") + int(digit)) for digit in str(j))
