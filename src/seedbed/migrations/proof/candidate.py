"""Revisions to prove: how to run them, which catalogs they lead to, and what losses they name."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import psycopg2
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from seedbed.errors import DraftProofFailure
from seedbed.migrations.diff.statement import Loss
from seedbed.migrations.diff.undrafted_differences import UndraftedCheck
from seedbed.migrations.proof.conversion_check import ColumnConversion
from seedbed.migrations.proof.samples.sample_values import ModelRows
from seedbed.postgres.catalog import Catalog, find_differences, read_catalog
from seedbed.postgres.driver_errors import get_server_message, get_sqlstate
from seedbed.postgres.quoting import ColumnName, TableName
from seedbed.postgres.version_table import VERSION_TABLE

_DATA = ("22", "23")
"""SQLSTATE classes of errors about rows: data exceptions, constraint violations."""
_SYNTAX = "42601"


@dataclass(frozen=True)
class RevisionRun:
    """How to upgrade and downgrade one revision, if it can be downgraded, and the catalog at its end."""

    up: Callable[[Connection], None]
    down: Callable[[Connection], None] | None
    end: Catalog


@dataclass(frozen=True)
class Candidate:
    """Revisions to prove: how to run them, where they start and end, and what they name as lost.

    `row_conditions` are known beforehand. `renamed_tables` and `renamed_columns` map new names to old ones.
    `conversions` are columns that get another type. `changed_columns` have values that a step rewrites;
    `triggered_tables` have rows that it updates, and triggers that run then. `model_rows` are rows that the models
    generate, under the final names.
    """

    revision_runs: Sequence[RevisionRun]
    before: Catalog
    losses: Sequence[Loss] = ()
    downgrade_losses: Sequence[Loss] = ()
    row_conditions: Sequence[str] = ()
    changed_columns: frozenset[ColumnName] = frozenset()
    triggered_tables: frozenset[TableName] = frozenset()
    renamed_tables: Mapping[TableName, TableName] = field(default_factory=dict)
    renamed_columns: Mapping[ColumnName, str] = field(default_factory=dict)
    model_rows: ModelRows | None = None
    conversions: Sequence[ColumnConversion] = ()
    undrafted_check: UndraftedCheck | None = None
    version_table: str = VERSION_TABLE

    @property
    def after(self) -> Catalog:
        return self.revision_runs[-1].end

    def up(self, connection: Connection) -> None:
        for run in self.revision_runs:
            run_step("upgrade", run.up, connection)
            self._check_equal(
                "the models" if run is self.revision_runs[-1] else "the plan of the revision", connection, run.end
            )

    def down(self, connection: Connection) -> None:
        lower_ends = [self.before, *(run.end for run in self.revision_runs[:-1])]
        for run, catalog in reversed(list(zip(self.revision_runs, lower_ends, strict=True))):
            if run.down is not None:
                run_step("downgrade", run.down, connection)
                self._check_equal(
                    "the beginning" if catalog is self.before else "the plan of the revision before",
                    connection,
                    catalog,
                )

    def _check_equal(self, description: str, connection: Connection, expected: Catalog) -> None:
        found_differences = find_differences(read_catalog(connection, self.version_table), expected)
        if found_differences:
            raise DraftProofFailure(f"catalog equals {description}", "; ".join(map(str, found_differences)))


class RowsRejected(Exception):
    """A step failed because of the rows in the database."""

    def __init__(self, reason: str, *, in_downgrade: bool) -> None:
        super().__init__(reason)
        self.reason = reason
        self.in_downgrade = in_downgrade


def run_step(name: str, run: Callable[[Connection], None], connection: Connection) -> None:
    try:
        run(connection)
    except (DBAPIError, psycopg2.Error) as error:
        connection.rollback()
        if is_about_rows(error):
            raise RowsRejected(get_server_message(error), in_downgrade=name == "downgrade") from error
        raise DraftProofFailure(name, get_server_message(error)) from error


def is_about_rows(error: BaseException) -> bool:
    """Whether a statement failed because of the rows in the database, and might run with others.

    An invalid tsvector is a syntax error for PostgreSQL, but one without a position in the statement.
    """
    state, diagnostics = get_sqlstate(error) or "", getattr(getattr(error, "orig", error), "diag", None)
    positions = (getattr(diagnostics, name, None) for name in ("statement_position", "internal_position"))
    return state.startswith(_DATA) or (state == _SYNTAX and not any(positions))
