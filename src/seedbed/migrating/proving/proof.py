"""A revision run up and down over rows, and what could be said of it afterwards."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import psycopg2
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from seedbed.errors import DraftRefused
from seedbed.migrating.comparing.converting import is_text
from seedbed.migrating.comparing.statements import Loss
from seedbed.migrating.proving.fitting import keeping_rules
from seedbed.migrating.proving.modelled import Made, before_it
from seedbed.migrating.proving.reading import read_rows
from seedbed.migrating.proving.rows import Filled, fill
from seedbed.migrating.proving.values import texts_of
from seedbed.postgres.catalogue import Catalogue, differences, read_catalogue
from seedbed.postgres.catalogue.model import Table
from seedbed.postgres.connecting import sentence, sqlstate

_DATA = ("22", "23")
"""SQLSTATE classes that are about the rows and not about the statement: data exceptions, violated constraints."""

Rows = Mapping[tuple[str, str], Sequence[Mapping[str, Any]]]


class Verdict(StrEnum):
    """What a proof came to. A refusal is none of these."""

    PROVEN = "proven"
    NAMED_LOSS = "proven with named loss"
    FORWARD_ONLY = "forward only"


@dataclass(frozen=True)
class Proof:
    """A verdict, and what it holds for.

    `conditions` are what rows must be for the revision to run; where they are not, it stops and changes nothing.
    """

    verdict: Verdict
    version: int
    steps: tuple[str, ...]
    filled: Filled
    losses: tuple[str, ...] = ()
    losses_down: tuple[str, ...] = ()
    conditions: tuple[str, ...] = ()

    def lines(self) -> list[str]:
        """The proof in words, for the terminal and for the revision's docstring."""
        tables = len(self.filled.rows)
        said = [f"{self.verdict.capitalize()} on PostgreSQL {self.version}: {', '.join(self.steps)}."]
        said += [f"Loses {', '.join(self.losses)}."] if self.losses else []
        said += [f"Going down loses {', '.join(self.losses_down)}."] if self.losses_down else []
        said += [f"Rows must fit: {condition}." for condition in self.conditions]
        said += [f"Tried with rows in {tables} table{'s' if tables != 1 else ''}."] if tables else []
        said += [f"No row could be made for {table}: {why}." for table, why in self.filled.empty.items()]
        return said


@dataclass(frozen=True)
class Leg:
    """One revision of a change: how to run it up, and down where there is a way, and what is there above it."""

    up: Callable[[Connection], None]
    down: Callable[[Connection], None] | None
    above: Catalogue


@dataclass(frozen=True)
class Candidate:
    """Revisions to be proven: how to run them, where they start and end, and what they say that they lose.

    `conditions` are known beforehand. `renamed` maps a table's or a column's new place to its old one, so that rows are
    found again. `made` are rows that the models make, under the names of the end.
    """

    legs: Sequence[Leg]
    before: Catalogue
    losses: Sequence[Loss] = ()
    losses_down: Sequence[Loss] = ()
    conditions: Sequence[str] = ()
    changed: frozenset[tuple[str, str, str]] = frozenset()
    renamed_tables: Mapping[tuple[str, str], tuple[str, str]] = field(default_factory=dict)
    renamed_columns: Mapping[tuple[str, str, str], str] = field(default_factory=dict)
    made: Made | None = None

    @property
    def after(self) -> Catalogue:
        return self.legs[-1].above

    def up(self, connection: Connection) -> None:
        for leg in self.legs:
            _step("upgrade", leg.up, connection)
            _equal("the models" if leg is self.legs[-1] else "what is to be in between", connection, leg.above)

    def down(self, connection: Connection) -> None:
        below = [self.before, *(leg.above for leg in self.legs[:-1])]
        for leg, catalogue in reversed(list(zip(self.legs, below, strict=True))):
            if leg.down is not None:
                _step("downgrade", leg.down, connection)
                _equal("the beginning" if catalogue is self.before else "what was in between", connection, catalogue)


def prove(candidate: Candidate, copies: Callable[[], AbstractContextManager[Connection]]) -> Proof:
    """Prove revisions on copies of a database that is where the first one starts.

    With rows in it: up, and the catalogue equals the models'; the rows are there; down, over those rows and over new
    ones, and the catalogue equals the beginning; up again. After each of several revisions the catalogue is what it
    should be in between. Where the rows are in the way, tamer ones are tried that keep the rules
    which the change brings, and what was in the way becomes a condition.

    Raises:
        DraftRefused: at the first step that does not hold.
    """
    conditions = list(candidate.conditions)
    tame, new_rows = False, True
    while True:
        with copies() as connection:
            try:
                return _run(candidate, connection, conditions, tame=tame, new_rows=new_rows)
            except _RowsInTheWay as rows:
                if rows.going_down and new_rows:
                    new_rows = False
                    _add(conditions, "going down, ", rows.said)
                elif not tame:
                    tame = True
                    _add(conditions, "", rows.said)
                else:
                    raise DraftRefused("downgrade" if rows.going_down else "upgrade", rows.said) from rows


def _add(conditions: list[str], when: str, said: str) -> None:
    """Add what was in the way, unless it is a type that some values are known to be too long or too large for."""
    known = [condition.rpartition(" as ")[2] for condition in conditions if condition.startswith(when)]
    if not any(said in {f"value too long for type {kind}", f"{kind} out of range"} for kind in known):
        conditions.append(f"{when}{said}")


class _RowsInTheWay(Exception):
    def __init__(self, said: str, *, going_down: bool) -> None:
        super().__init__(said)
        self.said = said
        self.going_down = going_down


def _run(candidate: Candidate, connection: Connection, conditions: list[str], *, tame: bool, new_rows: bool) -> Proof:
    with keeping_rules(connection, candidate.before, candidate.after) if tame else nullcontext():
        filled = fill(connection, tame=_tame_values(candidate) if tame else None, made=_made_before(candidate))
    rows = read_rows(connection)
    candidate.up(connection)
    _survived("upgrade", _moved(rows, candidate), read_rows(connection), candidate, candidate.losses)
    steps = ["up", "catalogue equal to the models'", "rows kept"]
    verdict = Verdict.NAMED_LOSS if candidate.losses else Verdict.PROVEN
    if any(leg.down is None for leg in candidate.legs):
        verdict = Verdict.FORWARD_ONLY
    else:
        if new_rows:
            tame_values = _tame_values(candidate) if tame else None
            fill(connection, seed=1, tame=tame_values, made=candidate.made)
        candidate.down(connection)
        losses = [*candidate.losses, *candidate.losses_down]
        _survived("downgrade", rows, read_rows(connection), candidate, losses)
        candidate.up(connection)
        steps += ["down over new rows" if new_rows else "down", "catalogue equal to the beginning", "up again"]
    return Proof(
        verdict,
        candidate.after.version,
        tuple(steps),
        filled,
        _words(candidate.losses),
        _words(candidate.losses_down),
        tuple(dict.fromkeys(conditions)),
    )


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


def _step(name: str, run: Callable[[Connection], None], connection: Connection) -> None:
    try:
        run(connection)
    except (DBAPIError, psycopg2.Error) as error:
        connection.rollback()
        if about_rows(error):
            raise _RowsInTheWay(sentence(error), going_down=name == "downgrade") from error
        raise DraftRefused(name, sentence(error)) from error


def about_rows(error: BaseException) -> bool:
    """Whether a statement failed for the rows that it met, and might run over others."""
    return (sqlstate(error) or "").startswith(_DATA)


def _equal(what: str, connection: Connection, wanted: Catalogue) -> None:
    left = differences(read_catalogue(connection), wanted)
    if left:
        raise DraftRefused(f"catalogue equals {what}", "; ".join(map(str, left)))


def _moved(rows: Rows, candidate: Candidate) -> dict[tuple[str, str], list[dict[str, Any]]]:
    """Rows under the names that the revision gives their tables and columns."""
    places = {old: new for new, old in candidate.renamed_tables.items()}
    moved: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for place, found in rows.items():
        new = places.get(place, place)
        names = {old: key[2] for key, old in candidate.renamed_columns.items() if key[:2] == new}
        moved[new] = [{names.get(name, name): value for name, value in row.items()} for row in found]
    return moved


def _survived(step: str, rows: Rows, now: Rows, candidate: Candidate, losses: Sequence[Loss]) -> None:
    """See that every row from before is there, in every column that the revision has no business with."""
    for place, found in rows.items():
        lost = any((loss.schema, loss.table) == place and loss.column is None for loss in losses)
        if lost or _hidden(place, candidate):
            continue
        kept = _comparable(place, candidate, losses, now.get(place, ()), found)
        missing = Counter(_projected(found, kept)) - Counter(_projected(now.get(place, ()), kept))
        if missing:
            table = place[1] if place[0] == "public" else ".".join(place)
            raise DraftRefused(f"rows kept by the {step}", f"{table} has lost {next(iter(missing))}")


def _hidden(place: tuple[str, str], candidate: Candidate) -> bool:
    """Whether row level security is forced, so that not even the table's owner can see what is there."""
    found = (catalogue.objects.get(("table", *place)) for catalogue in (candidate.before, candidate.after))
    return any(isinstance(table, Table) and table.forced_row_security for table in found)


def _comparable(
    place: tuple[str, str],
    candidate: Candidate,
    losses: Sequence[Loss],
    now: Sequence[Mapping[str, Any]],
    before: Sequence[Mapping[str, Any]],
) -> list[str]:
    lossy = {loss.column for loss in losses if (loss.schema, loss.table) == place}
    lossy |= {candidate.renamed_columns.get((*place, column or ""), "") for column in lossy}
    changed = {name for schema, table, name in candidate.changed if (schema, table) == place}
    present = set(now[0]) if now else set(before[0]) if before else set()
    names = set(before[0]) if before else set()
    return sorted(names & present - lossy - changed)


def _projected(rows: Sequence[Mapping[str, Any]], names: list[str]) -> Iterator[str]:
    return (str([row.get(name) for name in names]) for row in rows)


def _words(losses: Sequence[Loss]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(loss.words for loss in losses))
