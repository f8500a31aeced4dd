"""The difference between rows before and after a revision, and between the counters of their sequences."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection

from seedbed.errors import DraftProofFailure
from seedbed.migrations.diff.statement import Loss
from seedbed.migrations.proof.candidate import Candidate
from seedbed.migrations.proof.row_snapshot import read_rows, read_sequences
from seedbed.postgres.catalog.model import Table
from seedbed.postgres.quoting import ColumnName, TableName, display_name

Rows = Mapping[TableName, Sequence[Mapping[str, Any]]]
Counts = Mapping[ColumnName, int]


def check_rows_survive(
    step: str,
    rows: Rows,
    counts: Counts,
    connection: Connection,
    candidate: Candidate,
    losses: Sequence[Loss],
    converted: Mapping[TableName, Collection[str]],
) -> list[Loss]:
    """Check that every old row exists, in every column that the revision should not change, and that sequences
    continue.

    Returns the losses of columns that triggers of updated tables rewrote. `rows` have the expected values in columns
    that are `converted`.

    Raises:
        DraftProofFailure: with what is missing.
    """
    current_rows, trigger_losses = read_rows(connection, candidate.version_table), []
    for table, old_rows in rows.items():
        is_lost = any((loss.schema, loss.table) == table and loss.column is None for loss in losses)
        if is_lost or _is_hidden(table, candidate):
            continue
        new_rows = current_rows.get(table, ())
        compared = _comparable_columns(table, candidate, losses, new_rows, old_rows, converted.get(table, ()))
        if table in candidate.triggered_tables:
            rewritten = [name for name in compared if _find_missing_row(old_rows, new_rows, [name])]
            compared = [name for name in compared if name not in rewritten]
            trigger_losses += [
                Loss(*table, name, f"what {table[1]}.{name} was, which a trigger writes anew") for name in rewritten
            ]
        if missing_row := _find_missing_row(old_rows, new_rows, compared):
            raise DraftProofFailure(f"rows kept by the {step}", f"{display_name(*table)} has lost {missing_row}")
    _check_counters(step, counts, read_sequences(connection, candidate.version_table), losses)
    return trigger_losses


def rename_rows(rows: Rows, candidate: Candidate) -> dict[TableName, list[dict[str, Any]]]:
    """Rows under the names that the revision gives to their tables and columns."""
    renamed: dict[TableName, list[dict[str, Any]]] = {}
    for table, table_rows in rows.items():
        new = _new_table_name(table, candidate)
        names = _new_column_names(new, candidate)
        renamed[new] = [{names.get(name, name): value for name, value in row.items()} for row in table_rows]
    return renamed


def rename_columns(columns: Mapping[TableName, Collection[str]], candidate: Candidate) -> dict[TableName, set[str]]:
    """Columns by table, under the names that the revision gives them."""
    renamed = {}
    for table, listed in columns.items():
        new = _new_table_name(table, candidate)
        names = _new_column_names(new, candidate)
        renamed[new] = {names.get(name, name) for name in listed}
    return renamed


def rename_counters(counts: Counts, candidate: Candidate) -> dict[ColumnName, int]:
    """The counters of sequences, under the names that the revision gives to their tables and columns."""
    renamed = {}
    for (schema, table, column), count in counts.items():
        new = _new_table_name((schema, table), candidate)
        renamed[*new, _new_column_names(new, candidate).get(column, column)] = count
    return renamed


def _new_table_name(table: TableName, candidate: Candidate) -> TableName:
    return next((new for new, old in candidate.renamed_tables.items() if old == table), table)


def _new_column_names(table: TableName, candidate: Candidate) -> dict[str, str]:
    return {old: key[2] for key, old in candidate.renamed_columns.items() if key[:2] == table}


def _check_counters(step: str, old_counters: Counts, current_counters: Counts, losses: Sequence[Loss]) -> None:
    lossy = {(loss.schema, loss.table, loss.column) for loss in losses}
    for (schema, table, column), old_count in old_counters.items():
        count = current_counters.get((schema, table, column))
        if count is not None and count < old_count and not lossy & {(schema, table, column), (schema, table, None)}:
            reason = f"{display_name(schema, table)}.{column} counts on from {count}, and was at {old_count}"
            raise DraftProofFailure(f"sequences kept by the {step}", reason)


def _is_hidden(table: TableName, candidate: Candidate) -> bool:
    """Whether row security is forced, so that not even the table's owner sees its rows."""
    tables = (catalog.objects.get(("table", *table)) for catalog in (candidate.before, candidate.after))
    return any(isinstance(table, Table) and table.forced_row_security for table in tables)


def _comparable_columns(
    table: TableName,
    candidate: Candidate,
    losses: Sequence[Loss],
    new_rows: Sequence[Mapping[str, Any]],
    old_rows: Sequence[Mapping[str, Any]],
    converted: Collection[str],
) -> list[str]:
    lossy_columns = {loss.column for loss in losses if (loss.schema, loss.table) == table}
    lossy_columns |= {candidate.renamed_columns.get((*table, column or ""), "") for column in lossy_columns}
    changed_columns = {path[2] for path in candidate.changed_columns if path[:2] == table} - set(converted)
    present_columns = set(new_rows[0]) if new_rows else set(old_rows[0]) if old_rows else set()
    names = set(old_rows[0]) if old_rows else set()
    return sorted(names & present_columns - lossy_columns - changed_columns)


def _find_missing_row(
    old_rows: Sequence[Mapping[str, Any]], new_rows: Sequence[Mapping[str, Any]], names: Sequence[str]
) -> str | None:
    """A row, reduced to some columns, that is missing."""
    missing = Counter(_project(old_rows, names)) - Counter(_project(new_rows, names))
    return next(iter(missing), None)


def _project(rows: Sequence[Mapping[str, Any]], names: Sequence[str]) -> Iterator[str]:
    return (str([row.get(name) for name in names]) for row in rows)
