"""The catalogue of the time in which columns are there in both shapes, and the steps that end it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from seedbed.migrations.diff.objects import constraints, indexes
from seedbed.migrations.diff.objects.column_changes import toll
from seedbed.migrations.diff.online.column_expansion import Succession
from seedbed.migrations.diff.plan import transition
from seedbed.migrations.diff.statement import Statement, call, name, qualified, quoted, schema_argument
from seedbed.migrations.diff.value_sources import ColumnName, Knowledge
from seedbed.postgres.catalog import Catalogue
from seedbed.postgres.catalog.model import Constraint, Index, Key, Object, Table


@dataclass(frozen=True)
class Meanwhile:
    """`catalogue` is what an expanding change leads to, `up` and `down` the steps of its contract."""

    catalogue: Catalogue
    up: tuple[Statement, ...]
    down: tuple[Statement, ...]


def meanwhile(
    before: Catalogue, after: Catalogue, tried: Catalogue, chosen: Sequence[Succession], knowledge: Knowledge
) -> Meanwhile:
    """Put both shapes into a catalogue. `tried` is `before` with what the successions make, as PostgreSQL prints it."""
    objects, ended = dict(after.objects), dict(after.objects)
    renames: list[tuple[Statement, Statement]] = []
    for one in chosen:
        _put_both(objects, one, before, after, tried)
        _put_one(ended, one, after, tried)
        renames += _renames(one)
    both = Catalogue(objects, _needed_by(objects, before, after, tried), after.version)
    single = Catalogue(ended, _needed_by(ended, before, after, tried), after.version)
    fills = {one.was: one.back for one in chosen}
    unsaid = [one for one in chosen if (*one.place[:2], one.new.name) not in knowledge.back]
    tolls = {one.was: toll(one.table, one.new, one.old, after, before, restoring=True) for one in unsaid}
    up = transition(both, single, knowledge)
    down = transition(single, both, Knowledge(fills=fills, casts=knowledge.casts, restoring=True, tolls=tolls))
    up = [_kept(step, {one.was: one for one in chosen}, knowledge, before, after) for step in up]
    return Meanwhile(
        both,
        (*up, *(there for there, _ in renames)),
        (*(back for _, back in reversed(renames)), *down),
    )


def _kept(
    step: Statement,
    gone: Mapping[ColumnName, Succession],
    knowledge: Knowledge,
    before: Catalogue,
    after: Catalogue,
) -> Statement:
    """By dropping a column whose values another one has, no more is lost than what the other one's type leaves off."""
    lost = step.loss
    one = gone.get((lost.schema, lost.table, lost.column or "")) if lost is not None else None
    if one is None:
        return step
    if (*one.place[:2], one.new.name) in knowledge.using:
        return replace(step, loss=None)
    paid = toll(one.table, one.old, one.new, before, after)
    return replace(step, loss=paid.loss, fits=paid.fits)


def _put_both(
    objects: dict[Key, Object], one: Succession, before: Catalogue, after: Catalogue, tried: Catalogue
) -> None:
    table = objects[one.table.key]
    if not isinstance(table, Table):
        return
    columns = [column for column in table.columns if column.name != one.new.name]
    old = replace(one.old, not_null=one.old.not_null and one.new.not_null)
    columns += [old, replace(one.new, name=one.meanwhile, default=None)]
    objects[table.key] = replace(table, columns=tuple(columns))
    for key in _on_column(before, one, one.old.name):
        objects[key] = before.objects[key]
    if one.old.name == one.new.name:
        for key in _on_column(after, one, one.new.name) - _on_column(before, one, one.old.name):
            objects.pop(key, None)
    objects |= _made(one, tried)


def _put_one(objects: dict[Key, Object], one: Succession, after: Catalogue, tried: Catalogue) -> None:
    """What is left when the old shape is gone: the new one, still under its name of the meantime."""
    table = objects[one.table.key]
    if not isinstance(table, Table) or one.old.name != one.new.name:
        return
    columns = [column for column in table.columns if column.name != one.new.name]
    objects[table.key] = replace(table, columns=(*columns, replace(one.new, name=one.meanwhile)))
    for key in _on_column(after, one, one.new.name):
        objects.pop(key, None)
    made = _made(one, tried)
    objects |= {key: found for key, found in made.items() if key not in {one.function, one.trigger}}


def _made(one: Succession, tried: Catalogue) -> dict[Key, Object]:
    """What a succession makes beside the column; a copy has the comment of what it is a copy of."""
    found = {key: tried.objects[key] for key in (one.function, one.trigger)}
    for called, copied in one.copied.items():
        key = (*copied.key[:3], called)
        made = tried.objects[key]
        if isinstance(made, Index | Constraint):
            found[key] = replace(made, comment=copied.comment)
    return found


def _on_column(catalogue: Catalogue, one: Succession, column: str) -> set[Key]:
    place = ("column", one.table.schema, one.table.name, column)
    return {key for key in catalogue.needed_by.get(place, ()) if key[0] in {"index", "constraint"}}


def _needed_by(
    objects: dict[Key, Object], before: Catalogue, after: Catalogue, tried: Catalogue
) -> dict[Key, frozenset[Key]]:
    """What needs what: of an object of the end by the end's catalogue, of a held one by the beginning's, and of what
    is made for the meantime by the tried one's.
    """
    needed: dict[Key, set[Key]] = {}
    for key, found in objects.items():
        source = next((c for c in (after, before, tried) if c.objects.get(key) == found), after)
        for thing in source.needs(key):
            needed.setdefault(thing, set()).add(key)
    for thing, users in after.needed_by.items():
        columns = {user for user in users if user[0] == "column"}
        if columns:
            needed.setdefault(thing, set()).update(columns)
    return {thing: frozenset(users) for thing, users in needed.items()}


def _renames(one: Succession) -> list[tuple[Statement, Statement]]:
    """The steps from the meantime's names to the last ones, each with its way back."""
    steps = []
    if one.meanwhile != one.new.name:
        steps.append((_renamed(one, one.meanwhile, one.new.name), _renamed(one, one.new.name, one.meanwhile)))
    for called, copied in one.copied.items():
        if called == copied.name:
            continue
        other = replace(copied, name=called)
        if isinstance(copied, Index) and isinstance(other, Index):
            steps.append((indexes.renamed(other, copied), indexes.renamed(copied, other)))
        elif isinstance(copied, Constraint) and isinstance(other, Constraint):
            steps.append((constraints.renamed(other, copied), constraints.renamed(copied, other)))
    return steps


def _renamed(one: Succession, old: str, new: str) -> Statement:
    table = one.table
    named = f"new_column_name={quoted(new)}"
    code = call("op.alter_column", quoted(table.name), quoted(old), named, schema_argument(table.schema)[2:])
    sql = f"ALTER TABLE {qualified(table.schema, table.name)} RENAME COLUMN {name(old)} TO {name(new)}"
    return Statement(sql, code)
