"""A proof of drafted revisions: run up and down over sample rows, with a verdict."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from enum import StrEnum

from sqlalchemy import Connection

from seedbed.errors import DraftProofFailure, UnsupportedDifference
from seedbed.migrations.diff.statement import Loss
from seedbed.migrations.diff.types.conversion_rules import is_text
from seedbed.migrations.proof.candidate import Candidate, RowsRejected
from seedbed.migrations.proof.conversion_check import ConversionReport, check_conversions
from seedbed.migrations.proof.row_diff import (
    check_rows_survive,
    compute_expected_rows,
    rename_columns,
    rename_counters,
    rename_rows,
)
from seedbed.migrations.proof.row_snapshot import advance_sequences, read_rows, read_sequences
from seedbed.migrations.proof.samples.sample_rows import SampleRows, insert_sample_rows, temporary_constraints
from seedbed.migrations.proof.samples.sample_values import ModelRows, list_texts, map_to_old_schema
from seedbed.postgres.catalog.model import Table
from seedbed.postgres.quoting import ColumnName, display_name


class Verdict(StrEnum):
    """The result of a proof. A failed one has no verdict."""

    VERIFIED = "verified"
    DATA_LOSS = "verified with data loss"
    FORWARD_ONLY = "forward only"
    PARTIAL = "partly verified"


@dataclass(frozen=True)
class Proof:
    """A verdict, and what it holds for.

    `row_conditions` are what rows must fulfil for the revision to run; if they do not, it stops and changes nothing.
    `manual_changes` are differences that the revision leaves on request. `untested_types` are columns, by type, for
    which the proof had no value before or after the change. `examples` are values that a conversion changes.
    """

    verdict: Verdict
    postgresql_version: int
    steps: tuple[str, ...]
    sample_rows: SampleRows
    losses: tuple[str, ...] = ()
    downgrade_losses: tuple[str, ...] = ()
    row_conditions: tuple[str, ...] = ()
    manual_changes: tuple[str, ...] = ()
    untested_types: Mapping[str, Sequence[str]] = field(default_factory=dict)
    examples: tuple[str, ...] = ()

    def lines(self) -> list[str]:
        """The proof as text for the terminal and for the revision's docstring."""
        tables = len(self.sample_rows.rows)
        lines = [f"{self.verdict.capitalize()} on PostgreSQL {self.postgresql_version}: {', '.join(self.steps)}."]
        lines += [f"To be written by hand: {'; '.join(self.manual_changes)}."] if self.manual_changes else []
        lines += [f"Upgrade loses {', '.join(self.losses)}."] if self.losses else []
        lines += [f"Downgrade loses {', '.join(self.downgrade_losses)}."] if self.downgrade_losses else []
        lines += [f"For example, {'; '.join(self.examples)}."] if self.examples else []
        lines += [f"Existing rows must satisfy: {condition}." for condition in self.row_conditions]
        lines += [f"Tested with sample rows in {tables} table{'s' if tables != 1 else ''}."] if tables else []
        lines += [f"No sample row for {table}: {reason}." for table, reason in self.sample_rows.without_rows.items()]
        lines += [
            f"Not tested with values of type {type_name}: {', '.join(columns)}."
            for type_name, columns in self.untested_types.items()
        ]
        return lines


def prove(candidate: Candidate, copies: Callable[[], AbstractContextManager[Connection]]) -> Proof:
    """Prove revisions on copies of a database at the start of the first one.

    With rows in it: upgrade, and the catalog equals the models' and the rows are kept; downgrade, over those rows and
    new ones, and the catalog equals the first; upgrade again. After each of several revisions the catalog is compared
    too. If rows are rejected, tame ones are tried that satisfy the constraints of the end, and the reason becomes a
    condition.

    Raises:
        DraftProofFailure: a step does not hold.
        UnsupportedDifference: the revision runs, and leaves a difference that no draft makes.
    """
    conditions = list(candidate.row_conditions)
    report: ConversionReport | None = None
    uses_tame_values, adds_rows = False, True
    while True:
        with copies() as connection:
            if report is None:
                report = check_conversions(
                    connection, candidate.conversions, candidate.losses, candidate.downgrade_losses
                )
            try:
                return _run(
                    candidate, connection, report, conditions, uses_tame_values=uses_tame_values, adds_rows=adds_rows
                )
            except RowsRejected as rejected:
                if rejected.in_downgrade and adds_rows:
                    adds_rows = False
                    _add_condition(conditions, "going down, ", rejected.reason)
                elif not uses_tame_values:
                    uses_tame_values = True
                    _add_condition(conditions, "", rejected.reason)
                else:
                    raise DraftProofFailure(
                        "downgrade" if rejected.in_downgrade else "upgrade", rejected.reason
                    ) from rejected


def _add_condition(conditions: list[str], prefix: str, reason: str) -> None:
    """Add the reason why rows were rejected, unless a known condition covers it."""
    known_types = [condition.rpartition(" as ")[2] for condition in conditions if condition.startswith(prefix)]
    if not any(
        reason in {f"value too long for type {type_name}", f"{type_name} out of range"} for type_name in known_types
    ):
        conditions.append(f"{prefix}{reason}")


def _run(
    candidate: Candidate,
    connection: Connection,
    report: ConversionReport,
    conditions: list[str],
    *,
    uses_tame_values: bool,
    adds_rows: bool,
) -> Proof:
    version_table = candidate.version_table
    tame_values = {**_find_tame_values(candidate), **report.convertible_values} if uses_tame_values else None
    with temporary_constraints(connection, candidate.before, candidate.after) if uses_tame_values else nullcontext():
        sample_rows = insert_sample_rows(
            connection, tame_values=tame_values, model_rows=_map_model_rows(candidate), version_table=version_table
        )
    rows, counters = read_rows(connection, version_table), advance_sequences(connection, version_table)
    expected = compute_expected_rows(connection, candidate, rows)
    candidate.up(connection)
    manual_changes = (
        candidate.undrafted_check.find_undrafted(connection) if candidate.undrafted_check is not None else []
    )
    if candidate.undrafted_check is not None and manual_changes and not candidate.undrafted_check.is_allowed:
        raise UnsupportedDifference(manual_changes, is_complete=False)
    new_names = rename_rows(expected.rows, candidate), rename_counters(counters, candidate)
    losses = [*candidate.losses, *report.losses]
    converted = rename_columns(expected.converted_columns, candidate)
    unexpected = [loss for loss in losses if loss.column not in converted.get((loss.schema, loss.table), ())]
    losses += check_rows_survive("upgrade", *new_names, connection, candidate, unexpected, converted)
    exception = ", except for these changes" if manual_changes else ""
    steps = ["upgrade", f"schema matches the models{exception}", "rows kept"]
    verdict = Verdict.DATA_LOSS if losses else Verdict.VERIFIED
    properties: list[str] = []
    untested_types = sample_rows.untested_types
    downgrade_losses = [*candidate.downgrade_losses, *report.downgrade_losses]
    if any(run.down is None for run in candidate.revision_runs):
        verdict = Verdict.FORWARD_ONLY
    else:
        if adds_rows:
            tame_values = {**_find_tame_values(candidate), **report.revertible_values} if uses_tame_values else None
            new_sample_rows = insert_sample_rows(
                connection,
                seed=1,
                tame_values=tame_values,
                model_rows=candidate.model_rows,
                version_table=version_table,
            )
            if new_sample_rows.failing_tables:  # a session that ran the old functions keeps their plans
                with connection.engine.connect() as other_connection:
                    new_sample_rows = insert_sample_rows(
                        other_connection,
                        seed=1,
                        tame_values=tame_values,
                        model_rows=candidate.model_rows,
                        version_table=version_table,
                    )
            _check_insertable(sample_rows, new_sample_rows, candidate)
            untested_types = _merge(untested_types, new_sample_rows.untested_types)
        remaining_sequences = read_sequences(connection, version_table)
        kept_counters = {
            old: count
            for (old, count), new in zip(counters.items(), new_names[1], strict=True)
            if new in remaining_sequences
        }
        candidate.down(connection)
        properties = (
            candidate.undrafted_check.find_lost_properties(connection) if candidate.undrafted_check is not None else []
        )
        known_losses = [*losses, *downgrade_losses]
        downgrade_losses += check_rows_survive(
            "downgrade", rows, kept_counters, connection, candidate, known_losses, expected.converted_columns
        )
        candidate.up(connection)
        steps += ["downgrade over new rows" if adds_rows else "downgrade", "schema as before", "upgrade again"]
    return Proof(
        Verdict.PARTIAL if manual_changes else verdict,
        candidate.after.version,
        tuple(steps),
        sample_rows,
        _list_descriptions(losses),
        (*_list_descriptions(downgrade_losses), *properties),
        tuple(dict.fromkeys(conditions)),
        tuple(manual_changes),
        untested_types,
        report.examples,
    )


def _merge(first: Mapping[str, Sequence[str]], second: Mapping[str, Sequence[str]]) -> dict[str, Sequence[str]]:
    type_names = dict.fromkeys([*first, *second])
    return {
        type_name: tuple(dict.fromkeys([*first.get(type_name, ()), *second.get(type_name, ())]))
        for type_name in type_names
    }


def _check_insertable(before: SampleRows, after: SampleRows, candidate: Candidate) -> None:
    """Check that no table rejects every row because of the revision, such as by a trigger that names an old column.

    Raises:
        DraftProofFailure: with the table and the server's message.
    """
    renamed = {display_name(*new): display_name(*old) for new, old in candidate.renamed_tables.items()}
    for table, reason in after.failing_tables.items():
        if renamed.get(table, table) not in before.failing_tables:
            raise DraftProofFailure("inserting rows after the upgrade", f"{table} rejects every row: {reason}")


def _find_tame_values(candidate: Candidate) -> dict[ColumnName, list[str]]:
    """For a text column that gets another type: texts that are values of that type."""
    values = {}
    for table in candidate.after.tables():
        path = candidate.renamed_tables.get((table.schema, table.name), (table.schema, table.name))
        old = candidate.before.objects.get(("table", *path))
        for column in table.columns:
            name = candidate.renamed_columns.get((table.schema, table.name, column.name), column.name)
            old_column = old.columns_by_name.get(name) if isinstance(old, Table) else None
            if old_column is not None and old_column.type != column.type and is_text(old_column.type):
                values[(*path, name)] = list_texts(column.type, candidate.after)
    return values


def _map_model_rows(candidate: Candidate) -> ModelRows | None:
    if candidate.model_rows is None:
        return None
    names = candidate.renamed_tables, candidate.renamed_columns
    return map_to_old_schema(candidate.model_rows, candidate.before, candidate.after, *names)


def _list_descriptions(losses: Sequence[Loss]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(loss.description for loss in losses))
