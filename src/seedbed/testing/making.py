"""Rows for a test: valid ones with what they need, made by the rules of seeding."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

from sqlalchemy import Column, Enum, ForeignKeyConstraint, Table, inspect
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, SQLModel, select

from seedbed.errors import RowNotMade
from seedbed.seeding import constant
from seedbed.seeding.filling import is_unique
from seedbed.seeding.locking import ENGINE, Lock, today
from seedbed.seeding.plan import POOLS, table_plans
from seedbed.seeding.pools import Pools, Shelf
from seedbed.seeding.seedfile import Seeds
from seedbed.testing.runs import Run

Row = TypeVar("Row", bound=SQLModel)

_SEED = 7
"""Another than seeds files have, so that what is made here is seldom what the template has already."""
_OF = 1_000_000
"""Rows that a unique column is spread over, of which a test has a few."""
_TRIES = 20
_UNIQUE = "23505"
_PARENTS = 1_000


class Maker:
    """Makes rows in a session. They are flushed, and whether they are committed is the test's own business."""

    def __init__(self, session: Session, run: Run) -> None:
        self._session, self._run = session, run

    def make(self, model: type[Row], **given: Any) -> Row:
        """Make one row: what is given, what the model's own defaults say, and what it cannot be without.

        Rows that it must refer to are made too, unless they are given, by a column or by a relationship.

        Raises:
            RowNotMade: it needs something that cannot be made, or has not what is given.
        """
        __tracebackhide__ = True
        for name in given:
            if not hasattr(model, name):  # which SQLModel passes over
                raise RowNotMade(model.__name__, f"it has no {name!r}")
        return self._made(model, given, ())

    def seeded(self, model: type[Row], rows: int, **given: Any) -> list[Row]:
        """Make rows with every column filled, as a seeds file would have it; a column is given as there.

        They refer to rows that are there, or to one that is made where there are none.

        Raises:
            RowNotMade: it needs something that cannot be made.
        """
        __tracebackhide__ = True
        parents = dict(self._parents(model, rows, given))
        rules = {**given, **{name: constant(None) for name in parents}}
        made: list[Row] = []
        for _ in range(_TRIES):
            for row in self._new(model, rules, rows - len(made)):
                chosen = {name: choices[len(made) % len(choices)] for name, choices in parents.items() if choices}
                made.append(model(**row | chosen))
            if len(made) == rows:
                break
        self._session.add_all(made)
        try:
            self._session.flush()
        except IntegrityError as error:
            raise RowNotMade(model.__name__, _sentence(error)) from None
        return made

    def _new(self, model: type[SQLModel], rules: Mapping[str, Any], rows: int) -> list[dict[str, Any]]:
        """Some rows, without those whose value in a unique column is taken."""
        columns = {n: c for n, c in _columns(model).items() if n in rules or not _is_generated(c)}
        first = [next(self._run.rows) for _ in range(rows)][:1] or [0]
        found = [
            {name: row[name] for name in columns if name in row}
            for row in self._values(model, rules, range(first[0], first[0] + rows))
        ]
        for name in (name for name, column in columns.items() if is_unique(column) and name not in rules):
            column = getattr(model, name)
            wanted = [row[name] for row in found]
            taken = set(self._session.exec(select(column).where(column.in_(wanted))).all())
            found = [row for row in found if row[name] not in taken]
        return found

    def _made(self, model: type[Row], given: Mapping[str, Any], above: tuple[type[SQLModel], ...]) -> Row:
        __tracebackhide__ = True
        if model in above:
            raise RowNotMade(model.__name__, "it cannot be without a row that cannot be without it")
        known = {**given, **self._needed(model, given, above)}
        for tries_left in reversed(range(_TRIES)):
            columns = {**self._required(model, known, next(self._run.rows)), **known}
            try:
                with self._session.begin_nested():  # it flushes, so nothing may refer to the row yet
                    row = model(**columns)
                    self._session.add(row)
            except IntegrityError as error:
                if not tries_left or not _may_differ(error, model, known):
                    raise RowNotMade(model.__name__, _sentence(error)) from None
            else:
                return row
        raise AssertionError

    def _needed(
        self, model: type[SQLModel], given: Mapping[str, Any], above: tuple[type[SQLModel], ...]
    ) -> dict[str, Any]:
        """Keys of the rows that a row cannot be without, which are made."""
        __tracebackhide__ = True
        found: dict[str, Any] = {}
        names = {column: name for name, column in _columns(model).items()}
        for key, parent in self._keys(model, given):
            pairs = [(names[element.parent], element.column) for element in key.elements]
            known = {**given, **found}
            if all(name in known for name, _ in pairs) or not all(c.parent.nullable is False for c in key.elements):
                continue
            theirs = {column: name for name, column in _columns(parent).items()}
            asked = {theirs[column]: known[name] for name, column in pairs if name in known}
            made = self._made(parent, asked, (*above, model))
            found |= {name: getattr(made, theirs[column]) for name, column in pairs}
        return found

    def _parents(self, model: type[SQLModel], rows: int, given: Mapping[str, Any]) -> Iterator[tuple[str, list[Any]]]:
        """For each key of one column, values that rows may have in it."""
        names = {column: name for name, column in _columns(model).items()}
        for key, parent in self._keys(model, given):
            element = key.elements[0]
            name = names[element.parent]
            if name in given or len(key.elements) > 1:
                continue
            theirs = {column: name for name, column in _columns(parent).items()}[element.column]
            alone = is_unique(element.parent)
            there = [] if alone else list(self._session.exec(select(getattr(parent, theirs)).limit(_PARENTS)).all())
            if alone or (not there and not element.parent.nullable):
                there = [getattr(self._made(parent, {}, (model,)), theirs) for _ in range(rows if alone else 1)]
            yield name, there

    def _keys(
        self, model: type[SQLModel], given: Mapping[str, Any]
    ) -> Iterator[tuple[ForeignKeyConstraint, type[SQLModel]]]:
        """Foreign keys that no relationship given takes care of, each with the model that it is to."""
        relationships = inspect(model).relationships
        taken = {column for name in given if name in relationships for column in relationships[name].local_columns}
        models = self._run.templates.schema.classes
        for key in sorted(_table(model).foreign_key_constraints, key=lambda key: len(key.elements)):
            if not taken & {element.parent for element in key.elements}:
                yield key, models[key.elements[0].column.table.key]

    def _required(self, model: type[SQLModel], known: Mapping[str, Any], number: int) -> dict[str, Any]:
        columns = _columns(model)
        wanted = [name for name, column in columns.items() if _is_required(column) and name not in known]
        if not wanted:
            return {}
        keys = {name for name, column in columns.items() if column.foreign_keys and name not in known}
        rules = {name: constant(known.get(name)) for name in columns if name in known or name in keys}
        row = next(self._values(model, rules, range(number, number + 1)))
        return {name: row[name] for name in wanted if name not in keys}

    def _values(self, model: type[SQLModel], rules: Mapping[str, Any], rows: range) -> Iterator[dict[str, Any]]:
        """Rows as Python has them, by the models' own names of columns."""
        run = self._run
        project, schema = run.project, run.templates.schema
        seeds = Seeds(schema, project.root)
        seeds.add(model, max(_OF, rows.stop), **rules)
        wish = seeds.wanted[0]
        wish.few = True
        table = _table(model)
        sources = Pools(today(), Shelf(project.root / POOLS))
        plan = table_plans(project, schema, [table], {wish.table: wish}, Lock(ENGINE, _SEED, today()), sources, {})[0]
        names = {str(column.name): name for name, column in _columns(model).items()}
        made = {name: _restored(plan.column(name), batch.tolist()) for name, batch in plan.batches(rows)}
        for row in zip(*made.values(), strict=True):
            yield {names[name]: value for name, value in zip(made, row, strict=True) if name in names}


def _columns(model: type[SQLModel]) -> dict[str, Column[Any]]:
    return {attribute.key: attribute.columns[0] for attribute in inspect(model).column_attrs}


def _table(model: type[SQLModel]) -> Table:
    table = inspect(model).local_table
    if not isinstance(table, Table):
        raise RowNotMade(model.__name__, "it is not made of one table")
    return table


def _is_generated(column: Column[Any]) -> bool:
    """Whether the database gives a new row its own value, which no other has."""
    table: Any = column.table
    return column.identity is not None or column.computed is not None or table.autoincrement_column is column


def _is_required(column: Column[Any]) -> bool:
    return not (
        column.nullable or column.default is not None or column.server_default is not None
    ) and not _is_generated(column)


def _restored(column: Column[Any], values: list[Any]) -> list[Any]:
    """Members of an enumeration, of which rows have the names."""
    kind = column.type
    if not isinstance(kind, Enum) or kind.enum_class is None:
        return values
    members = dict(zip(kind.enums, kind.enum_class, strict=True))
    return [members.get(value, value) for value in values]


def _may_differ(error: IntegrityError, model: type[SQLModel], known: Mapping[str, Any]) -> bool:
    """Whether another row could be unique where this one was not: it has a column there that was not given."""
    if getattr(error.orig, "sqlstate", None) != _UNIQUE:
        return False
    found = re.search(r"\(([^)]*)\)=\(", str(error.orig))
    names = {str(column.name): name for name, column in _columns(model).items()}
    taken = {names.get(name.strip(' "')) for name in found[1].split(",")} if found else {None}
    return not taken <= known.keys()


def _sentence(error: IntegrityError) -> str:
    """What PostgreSQL says, with the key that is there already."""
    said = [line.partition("DETAIL:")[2] or line for line in str(error.orig).splitlines()[:2]]
    return "; ".join(line.strip().removesuffix(".") for line in said)
