"""Revisions that are to be proven: how to run them, where they lead, and what they say of themselves."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import psycopg2
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from seedbed.errors import DraftProofFailure
from seedbed.migrations.diff.statement import Loss
from seedbed.migrations.diff.undrafted_differences import UndraftedCheck
from seedbed.migrations.proof.conversion_check import Conversion
from seedbed.migrations.proof.samples.model_rows import Made
from seedbed.postgres.catalog import Catalog, differences, read_catalog
from seedbed.postgres.driver_errors import get_server_message, get_sqlstate
from seedbed.postgres.version_table import VERSION_TABLE

_DATA = ("22", "23")
"""SQLSTATE classes that are about the rows and not about the statement: data exceptions, violated constraints."""
_SYNTAX = "42601"


@dataclass(frozen=True)
class Leg:
    """One revision of a change: how to run it up, and down where there is a way, and what is there above it."""

    up: Callable[[Connection], None]
    down: Callable[[Connection], None] | None
    above: Catalog


@dataclass(frozen=True)
class Candidate:
    """Revisions to be proven: how to run them, where they start and end, and what they say that they lose.

    `conditions` are known beforehand. `renamed` maps a table's or a column's new place to its old one, so that rows are
    found again. `conversions` are columns that get another type. `changed` are columns whose values a step rewrites;
    `triggered` are tables whose rows it updates, and whose triggers run then. `made` are rows that the models make,
    under the names of the end.
    """

    legs: Sequence[Leg]
    before: Catalog
    losses: Sequence[Loss] = ()
    losses_down: Sequence[Loss] = ()
    conditions: Sequence[str] = ()
    changed: frozenset[tuple[str, str, str]] = frozenset()
    triggered: frozenset[tuple[str, str]] = frozenset()
    renamed_tables: Mapping[tuple[str, str], tuple[str, str]] = field(default_factory=dict)
    renamed_columns: Mapping[tuple[str, str, str], str] = field(default_factory=dict)
    made: Made | None = None
    conversions: Sequence[Conversion] = ()
    unmodelled: UndraftedCheck | None = None
    version_table: str = VERSION_TABLE

    @property
    def after(self) -> Catalog:
        return self.legs[-1].above

    def up(self, connection: Connection) -> None:
        for leg in self.legs:
            run_step("upgrade", leg.up, connection)
            self._see_equal("the models" if leg is self.legs[-1] else "what is to be in between", connection, leg.above)

    def down(self, connection: Connection) -> None:
        below = [self.before, *(leg.above for leg in self.legs[:-1])]
        for leg, catalog in reversed(list(zip(self.legs, below, strict=True))):
            if leg.down is not None:
                run_step("downgrade", leg.down, connection)
                self._see_equal(
                    "the beginning" if catalog is self.before else "what was in between", connection, catalog
                )

    def _see_equal(self, what: str, connection: Connection, wanted: Catalog) -> None:
        left = differences(read_catalog(connection, self.version_table), wanted)
        if left:
            raise DraftProofFailure(f"catalog equals {what}", "; ".join(map(str, left)))


class RowsInTheWay(Exception):
    """A step that failed for the rows that it met."""

    def __init__(self, said: str, *, going_down: bool) -> None:
        super().__init__(said)
        self.said = said
        self.going_down = going_down


def run_step(name: str, run: Callable[[Connection], None], connection: Connection) -> None:
    try:
        run(connection)
    except (DBAPIError, psycopg2.Error) as error:
        connection.rollback()
        if about_rows(error):
            raise RowsInTheWay(get_server_message(error), going_down=name == "downgrade") from error
        raise DraftProofFailure(name, get_server_message(error)) from error


def about_rows(error: BaseException) -> bool:
    """Whether a statement failed for the rows that it met, and might run over others.

    A text that is no tsvector is a syntax error to PostgreSQL, but one without a place in the statement.
    """
    state, diagnostics = get_sqlstate(error) or "", getattr(getattr(error, "orig", error), "diag", None)
    placed = (getattr(diagnostics, name, None) for name in ("statement_position", "internal_position"))
    return state.startswith(_DATA) or (state == _SYNTAX and not any(placed))
