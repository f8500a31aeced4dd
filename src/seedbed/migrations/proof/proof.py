"""A revision run up and down over rows, and what could be said of it afterwards."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from enum import StrEnum

from sqlalchemy import Connection

from seedbed.errors import DraftProofFailure, UnsupportedDifference
from seedbed.migrations.diff.statement import Loss
from seedbed.migrations.diff.types.conversion_rules import is_text
from seedbed.migrations.proof.candidate import Candidate, RowsInTheWay
from seedbed.migrations.proof.conversion_check import Measured, measure
from seedbed.migrations.proof.expected_rows import expect_rows
from seedbed.migrations.proof.row_diff import moved, moved_columns, moved_counts, survived
from seedbed.migrations.proof.row_snapshot import advance_sequences, read_rows, read_sequences
from seedbed.migrations.proof.samples.model_rows import Made, before_it
from seedbed.migrations.proof.samples.sample_rows import Filled, fill
from seedbed.migrations.proof.samples.sample_values import texts_of
from seedbed.migrations.proof.temporary_constraints import keeping_rules
from seedbed.postgres.catalog.model import Table
from seedbed.postgres.quoting import display_name


class Verdict(StrEnum):
    """What a proof came to. A refusal is none of these."""

    PROVEN = "proven"
    NAMED_LOSS = "proven with named loss"
    FORWARD_ONLY = "forward only"
    PARTIAL = "proven in part"


@dataclass(frozen=True)
class Proof:
    """A verdict, and what it holds for.

    `conditions` are what rows must be for the revision to run; where they are not, it stops and changes
    nothing. `undrafted` are differences that the revision leaves, by request. `unsampled` are columns, by type, that
    the proof had no value of, before the change or after it. `examples` are values that a conversion changes.
    """

    verdict: Verdict
    version: int
    steps: tuple[str, ...]
    filled: Filled
    losses: tuple[str, ...] = ()
    losses_down: tuple[str, ...] = ()
    conditions: tuple[str, ...] = ()
    undrafted: tuple[str, ...] = ()
    unsampled: Mapping[str, Sequence[str]] = field(default_factory=dict)
    examples: tuple[str, ...] = ()

    def lines(self) -> list[str]:
        """The proof in words, for the terminal and for the revision's docstring."""
        tables = len(self.filled.rows)
        said = [f"{self.verdict.capitalize()} on PostgreSQL {self.version}: {', '.join(self.steps)}."]
        said += [f"Left to be written by hand: {'; '.join(self.undrafted)}."] if self.undrafted else []
        said += [f"Loses {', '.join(self.losses)}."] if self.losses else []
        said += [f"Going down loses {', '.join(self.losses_down)}."] if self.losses_down else []
        said += [f"For example, {'; '.join(self.examples)}."] if self.examples else []
        said += [f"Rows must fit: {condition}." for condition in self.conditions]
        said += [f"Tried with rows in {tables} table{'s' if tables != 1 else ''}."] if tables else []
        said += [f"No row could be made for {table}: {why}." for table, why in self.filled.empty.items()]
        said += [
            f"No values of type {kind} were tried: {', '.join(places)}." for kind, places in self.unsampled.items()
        ]
        return said


def prove(candidate: Candidate, copies: Callable[[], AbstractContextManager[Connection]]) -> Proof:
    """Prove revisions on copies of a database that is where the first one starts.

    With rows in it: up, and the catalog equals the models'; the rows are there; down, over those rows and over new
    ones, and the catalog equals the beginning; up again. After each of several revisions the catalog is what it
    should be in between. Where the rows are in the way, tamer ones are tried that keep the rules
    which the change brings, and what was in the way becomes a condition.

    Raises:
        DraftProofFailure: at the first step that does not hold.
        UnsupportedDifference: the revision runs, and leaves what no draft makes.
    """
    conditions = list(candidate.conditions)
    measured: Measured | None = None
    tame, new_rows = False, True
    while True:
        with copies() as connection:
            if measured is None:
                measured = measure(connection, candidate.conversions, candidate.losses, candidate.losses_down)
            try:
                return _run(candidate, connection, measured, conditions, tame=tame, new_rows=new_rows)
            except RowsInTheWay as rows:
                if rows.going_down and new_rows:
                    new_rows = False
                    _add(conditions, "going down, ", rows.said)
                elif not tame:
                    tame = True
                    _add(conditions, "", rows.said)
                else:
                    raise DraftProofFailure("downgrade" if rows.going_down else "upgrade", rows.said) from rows


def _add(conditions: list[str], when: str, said: str) -> None:
    """Add what was in the way, unless it is a type that some values are known to be too long or too large for."""
    known = [condition.rpartition(" as ")[2] for condition in conditions if condition.startswith(when)]
    if not any(said in {f"value too long for type {kind}", f"{kind} out of range"} for kind in known):
        conditions.append(f"{when}{said}")


def _run(
    candidate: Candidate,
    connection: Connection,
    measured: Measured,
    conditions: list[str],
    *,
    tame: bool,
    new_rows: bool,
) -> Proof:
    version_table = candidate.version_table
    tame_values = {**_tame_values(candidate), **measured.fitting} if tame else None
    with keeping_rules(connection, candidate.before, candidate.after) if tame else nullcontext():
        filled = fill(connection, tame=tame_values, made=_made_before(candidate), version_table=version_table)
    rows, counts = read_rows(connection, version_table), advance_sequences(connection, version_table)
    expected = expect_rows(connection, candidate, rows)
    candidate.up(connection)
    undrafted = candidate.unmodelled.find_undrafted(connection) if candidate.unmodelled is not None else []
    if candidate.unmodelled is not None and undrafted and not candidate.unmodelled.is_allowed:
        raise UnsupportedDifference(undrafted, is_complete=False)
    new_names = moved(expected.rows, candidate), moved_counts(counts, candidate)
    losses = [*candidate.losses, *measured.losses]
    converted = moved_columns(expected.columns, candidate)
    unexpected = [loss for loss in losses if loss.column not in converted.get((loss.schema, loss.table), ())]
    losses += survived("upgrade", *new_names, connection, candidate, unexpected, converted)
    steps = ["up", f"catalogue equal to the models'{' but for what is left' if undrafted else ''}", "rows kept"]
    verdict = Verdict.NAMED_LOSS if losses else Verdict.PROVEN
    properties: list[str] = []
    unsampled = filled.unsampled
    losses_down = [*candidate.losses_down, *measured.losses_down]
    if any(leg.down is None for leg in candidate.legs):
        verdict = Verdict.FORWARD_ONLY
    else:
        if new_rows:
            tame_values = {**_tame_values(candidate), **measured.fitting_new} if tame else None
            again = fill(connection, seed=1, tame=tame_values, made=candidate.made, version_table=version_table)
            if again.broken:  # a session that ran functions of before the change keeps their plans
                with connection.engine.connect() as other:
                    again = fill(other, seed=1, tame=tame_values, made=candidate.made, version_table=version_table)
            _still_taken(filled, again, candidate)
            unsampled = _merged(unsampled, again.unsampled)
        still = read_sequences(connection, version_table)
        kept = {old: count for (old, count), new in zip(counts.items(), new_names[1], strict=True) if new in still}
        candidate.down(connection)
        properties = candidate.unmodelled.find_lost_properties(connection) if candidate.unmodelled is not None else []
        lost = [*losses, *losses_down]
        losses_down += survived("downgrade", rows, kept, connection, candidate, lost, expected.columns)
        candidate.up(connection)
        steps += ["down over new rows" if new_rows else "down", "catalogue equal to the beginning", "up again"]
    return Proof(
        Verdict.PARTIAL if undrafted else verdict,
        candidate.after.version,
        tuple(steps),
        filled,
        _words(losses),
        (*_words(losses_down), *properties),
        tuple(dict.fromkeys(conditions)),
        tuple(undrafted),
        unsampled,
        measured.examples,
    )


def _merged(one: Mapping[str, Sequence[str]], other: Mapping[str, Sequence[str]]) -> dict[str, Sequence[str]]:
    kinds = dict.fromkeys([*one, *other])
    return {kind: tuple(dict.fromkeys([*one.get(kind, ()), *other.get(kind, ())])) for kind in kinds}


def _still_taken(before: Filled, now: Filled, candidate: Candidate) -> None:
    """See that no table refuses every row for what the revision broke, such as a trigger that names a column of before.

    Raises:
        DraftProofFailure: with what a table says to the rows that are put into it.
    """
    renamed = {display_name(*new): display_name(*old) for new, old in candidate.renamed_tables.items()}
    for table, said in now.broken.items():
        if renamed.get(table, table) not in before.broken:
            raise DraftProofFailure("rows put in after the upgrade", f"{table} takes none: {said}")


def _tame_values(candidate: Candidate) -> dict[tuple[str, str, str], list[str]]:
    """For a text column that becomes something else, texts that are something else."""
    values = {}
    for table in candidate.after.tables():
        place = candidate.renamed_tables.get((table.schema, table.name), (table.schema, table.name))
        old = candidate.before.objects.get(("table", *place))
        for column in table.columns:
            name = candidate.renamed_columns.get((table.schema, table.name, column.name), column.name)
            was = old.column.get(name) if isinstance(old, Table) else None
            if was is not None and was.type != column.type and is_text(was.type):
                values[(*place, name)] = texts_of(column.type, candidate.after)
    return values


def _made_before(candidate: Candidate) -> Made | None:
    if candidate.made is None:
        return None
    names = candidate.renamed_tables, candidate.renamed_columns
    return before_it(candidate.made, candidate.before, candidate.after, *names)


def _words(losses: Sequence[Loss]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(loss.description for loss in losses))
