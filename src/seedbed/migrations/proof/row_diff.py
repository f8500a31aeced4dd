"""What became of rows, and of the numbers that their sequences count, when a revision ran over them."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection

from seedbed.errors import DraftProofFailure
from seedbed.migrations.diff.statement import Loss
from seedbed.migrations.proof.candidate import Candidate
from seedbed.migrations.proof.row_snapshot import read_rows, read_sequences
from seedbed.postgres.catalog.model import Table

Place = tuple[str, str]
Rows = Mapping[Place, Sequence[Mapping[str, Any]]]
Counts = Mapping[tuple[str, str, str], int]


def check_rows_survive(
    step: str,
    rows: Rows,
    counts: Counts,
    connection: Connection,
    candidate: Candidate,
    losses: Sequence[Loss],
    converted: Mapping[Place, Collection[str]],
) -> list[Loss]:
    """See that every row from before is there, in every column that the revision has no business with, and that
    sequences count on from where they were; and say which columns the triggers of updated tables have written anew.

    `rows` have the values that are expected now in columns whose type changes and that are `converted`.

    Raises:
        DraftProofFailure: with what is gone.
    """
    now, written = read_rows(connection, candidate.version_table), []
    for place, found in rows.items():
        lost = any((loss.schema, loss.table) == place and loss.column is None for loss in losses)
        if lost or _is_hidden(place, candidate):
            continue
        there = now.get(place, ())
        kept = _comparable_columns(place, candidate, losses, there, found, converted.get(place, ()))
        if place in candidate.triggered_tables:
            anew = [name for name in kept if _find_missing_row(found, there, [name])]
            kept = [name for name in kept if name not in anew]
            written += [Loss(*place, name, f"what {place[1]}.{name} was, which a trigger writes anew") for name in anew]
        if missing := _find_missing_row(found, there, kept):
            raise DraftProofFailure(f"rows kept by the {step}", f"{_shown(place)} has lost {missing}")
    _check_counters(step, counts, read_sequences(connection, candidate.version_table), losses)
    return written


def rename_rows(rows: Rows, candidate: Candidate) -> dict[Place, list[dict[str, Any]]]:
    """Rows under the names that the revision gives their tables and columns."""
    found: dict[Place, list[dict[str, Any]]] = {}
    for place, there in rows.items():
        new = _new_place(place, candidate)
        names = _new_names(new, candidate)
        found[new] = [{names.get(name, name): value for name, value in row.items()} for row in there]
    return found


def rename_columns(columns: Mapping[Place, Collection[str]], candidate: Candidate) -> dict[Place, set[str]]:
    """Columns by their tables, under the names that the revision gives them."""
    found = {}
    for place, listed in columns.items():
        new = _new_place(place, candidate)
        names = _new_names(new, candidate)
        found[new] = {names.get(name, name) for name in listed}
    return found


def rename_counters(counts: Counts, candidate: Candidate) -> dict[tuple[str, str, str], int]:
    """What sequences count, under the names that the revision gives their tables and columns."""
    found = {}
    for (schema, table, column), count in counts.items():
        new = _new_place((schema, table), candidate)
        found[*new, _new_names(new, candidate).get(column, column)] = count
    return found


def _new_place(place: Place, candidate: Candidate) -> Place:
    return next((new for new, old in candidate.renamed_tables.items() if old == place), place)


def _new_names(place: Place, candidate: Candidate) -> dict[str, str]:
    return {old: key[2] for key, old in candidate.renamed_columns.items() if key[:2] == place}


def _check_counters(step: str, before: Counts, now: Counts, losses: Sequence[Loss]) -> None:
    lost = {(loss.schema, loss.table, loss.column) for loss in losses}
    for (schema, table, column), count in before.items():
        found = now.get((schema, table, column))
        if found is not None and found < count and not lost & {(schema, table, column), (schema, table, None)}:
            said = f"{_shown((schema, table))}.{column} counts on from {found}, and was at {count}"
            raise DraftProofFailure(f"sequences kept by the {step}", said)


def _is_hidden(place: tuple[str, str], candidate: Candidate) -> bool:
    """Whether row level security is forced, so that not even the table's owner can see what is there."""
    found = (catalog.objects.get(("table", *place)) for catalog in (candidate.before, candidate.after))
    return any(isinstance(table, Table) and table.forced_row_security for table in found)


def _comparable_columns(
    place: tuple[str, str],
    candidate: Candidate,
    losses: Sequence[Loss],
    now: Sequence[Mapping[str, Any]],
    before: Sequence[Mapping[str, Any]],
    converted: Collection[str],
) -> list[str]:
    lossy = {loss.column for loss in losses if (loss.schema, loss.table) == place}
    lossy |= {candidate.renamed_columns.get((*place, column or ""), "") for column in lossy}
    changed = {name for schema, table, name in candidate.changed_columns if (schema, table) == place} - set(converted)
    present = set(now[0]) if now else set(before[0]) if before else set()
    names = set(before[0]) if before else set()
    return sorted(names & present - lossy - changed)


def _find_missing_row(
    before: Sequence[Mapping[str, Any]], now: Sequence[Mapping[str, Any]], names: Sequence[str]
) -> str | None:
    """A row that was there and is not, in terms of some columns."""
    gone = Counter(_project(before, names)) - Counter(_project(now, names))
    return next(iter(gone), None)


def _project(rows: Sequence[Mapping[str, Any]], names: Sequence[str]) -> Iterator[str]:
    return (str([row.get(name) for name in names]) for row in rows)


def _shown(place: Place) -> str:
    return place[1] if place[0] == "public" else ".".join(place)
