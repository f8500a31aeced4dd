"""The catalog of the time in which columns are there in both shapes, and the steps that end it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from seedbed.migrations.diff.objects import constraints, indexes
from seedbed.migrations.diff.objects.column_changes import find_conversion_effect
from seedbed.migrations.diff.online.column_expansion import ColumnExpansion
from seedbed.migrations.diff.plan import plan_steps
from seedbed.migrations.diff.statement import Statement, quote_python, render_call, schema_argument
from seedbed.migrations.diff.value_sources import ColumnName, ValueSources
from seedbed.postgres.catalog import Catalog
from seedbed.postgres.catalog.model import Constraint, Index, ObjectKey, CatalogObject, Table
from seedbed.postgres.quoting import quote_identifier, quote_qualified


@dataclass(frozen=True)
class ExpandedSchema:
    """`catalog` is what an expanding change leads to, `up` and `down` the steps of its contract."""

    catalog: Catalog
    up: tuple[Statement, ...]
    down: tuple[Statement, ...]


def expand_schema(
    before: Catalog, after: Catalog, trial: Catalog, expansions: Sequence[ColumnExpansion], sources: ValueSources
) -> ExpandedSchema:
    """Put both shapes into a catalog. `tried` is `before` with what the successions make, as PostgreSQL prints it."""
    objects, ended = dict(after.objects), dict(after.objects)
    renames: list[tuple[Statement, Statement]] = []
    for one in expansions:
        _put_both(objects, one, before, after, trial)
        _put_one(ended, one, after, trial)
        renames += _renames(one)
    both = Catalog(objects, _needed_by(objects, before, after, trial), after.version)
    single = Catalog(ended, _needed_by(ended, before, after, trial), after.version)
    fills = {one.old_path: one.down_expression for one in expansions}
    unsaid = [one for one in expansions if (*one.new_path[:2], one.new.name) not in sources.reverse_expressions]
    tolls = {
        one.old_path: find_conversion_effect(one.table, one.new, one.old, after, before, is_downgrade=True)
        for one in unsaid
    }
    up = plan_steps(both, single, sources)
    down = plan_steps(
        single, both, ValueSources(backfills=fills, casts=sources.casts, is_downgrade=True, backfill_effects=tolls)
    )
    up = [_kept(step, {one.old_path: one for one in expansions}, sources, before, after) for step in up]
    return ExpandedSchema(
        both,
        (*up, *(there for there, _ in renames)),
        (*(back for _, back in reversed(renames)), *down),
    )


def _kept(
    step: Statement,
    gone: Mapping[ColumnName, ColumnExpansion],
    sources: ValueSources,
    before: Catalog,
    after: Catalog,
) -> Statement:
    """By dropping a column whose values another one has, no more is lost than what the other one's type leaves off."""
    lost = step.loss
    one = gone.get((lost.schema, lost.table, lost.column or "")) if lost is not None else None
    if one is None:
        return step
    if (*one.new_path[:2], one.new.name) in sources.using_expressions:
        return replace(step, loss=None)
    paid = find_conversion_effect(one.table, one.old, one.new, before, after)
    return replace(step, loss=paid.loss, row_condition=paid.row_condition)


def _put_both(
    objects: dict[ObjectKey, CatalogObject], one: ColumnExpansion, before: Catalog, after: Catalog, tried: Catalog
) -> None:
    table = objects[one.table.key]
    if not isinstance(table, Table):
        return
    columns = [column for column in table.columns if column.name != one.new.name]
    old = replace(one.old, not_null=one.old.not_null and one.new.not_null)
    columns += [old, replace(one.new, name=one.expanded_name, default=None)]
    objects[table.key] = replace(table, columns=tuple(columns))
    for key in _on_column(before, one, one.old.name):
        objects[key] = before.objects[key]
    if one.old.name == one.new.name:
        for key in _on_column(after, one, one.new.name) - _on_column(before, one, one.old.name):
            objects.pop(key, None)
    objects |= _made(one, tried)


def _put_one(objects: dict[ObjectKey, CatalogObject], one: ColumnExpansion, after: Catalog, tried: Catalog) -> None:
    """What is left when the old shape is gone: the new one, still under its name of the meantime."""
    table = objects[one.table.key]
    if not isinstance(table, Table) or one.old.name != one.new.name:
        return
    columns = [column for column in table.columns if column.name != one.new.name]
    objects[table.key] = replace(table, columns=(*columns, replace(one.new, name=one.expanded_name)))
    for key in _on_column(after, one, one.new.name):
        objects.pop(key, None)
    made = _made(one, tried)
    objects |= {key: found for key, found in made.items() if key not in {one.function_key, one.trigger_key}}


def _made(one: ColumnExpansion, tried: Catalog) -> dict[ObjectKey, CatalogObject]:
    """What a succession makes beside the column; a copy has the comment of what it is a copy of."""
    found = {key: tried.objects[key] for key in (one.function_key, one.trigger_key)}
    for called, copied in one.copies.items():
        key = (*copied.key[:3], called)
        made = tried.objects[key]
        if isinstance(made, Index | Constraint):
            found[key] = replace(made, comment=copied.comment)
    return found


def _on_column(catalog: Catalog, one: ColumnExpansion, column: str) -> set[ObjectKey]:
    place = ("column", one.table.schema, one.table.name, column)
    return {key for key in catalog.direct_dependents.get(place, ()) if key[0] in {"index", "constraint"}}


def _needed_by(
    objects: dict[ObjectKey, CatalogObject], before: Catalog, after: Catalog, tried: Catalog
) -> dict[ObjectKey, frozenset[ObjectKey]]:
    """What needs what: of an object of the end by the end's catalog, of a held one by the beginning's, and of what
    is made for the meantime by the tried one's.
    """
    needed: dict[ObjectKey, set[ObjectKey]] = {}
    for key, found in objects.items():
        source = next((c for c in (after, before, tried) if c.objects.get(key) == found), after)
        for thing in source.find_direct_dependencies(key):
            needed.setdefault(thing, set()).add(key)
    for thing, users in after.direct_dependents.items():
        columns = {user for user in users if user[0] == "column"}
        if columns:
            needed.setdefault(thing, set()).update(columns)
    return {thing: frozenset(users) for thing, users in needed.items()}


def _renames(one: ColumnExpansion) -> list[tuple[Statement, Statement]]:
    """The steps from the meantime's names to the last ones, each with its way back."""
    steps = []
    if one.expanded_name != one.new.name:
        steps.append((_renamed(one, one.expanded_name, one.new.name), _renamed(one, one.new.name, one.expanded_name)))
    for called, copied in one.copies.items():
        if called == copied.name:
            continue
        other = replace(copied, name=called)
        if isinstance(copied, Index) and isinstance(other, Index):
            steps.append((indexes.rename(other, copied), indexes.rename(copied, other)))
        elif isinstance(copied, Constraint) and isinstance(other, Constraint):
            steps.append((constraints.rename(other, copied), constraints.rename(copied, other)))
    return steps


def _renamed(one: ColumnExpansion, old: str, new: str) -> Statement:
    table = one.table
    named = f"new_column_name={quote_python(new)}"
    code = render_call(
        "op.alter_column", quote_python(table.name), quote_python(old), named, schema_argument(table.schema)[2:]
    )
    sql = f"ALTER TABLE {quote_qualified(table.schema, table.name)} RENAME COLUMN {quote_identifier(old)} TO {quote_identifier(new)}"
    return Statement(sql, code)
