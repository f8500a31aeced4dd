"""The expanded schema, in which old and new columns coexist, and the steps that contract it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from seedbed.migrations.diff.backfill_expressions import ValueSources
from seedbed.migrations.diff.objects import constraints, indexes
from seedbed.migrations.diff.objects.column_changes import find_conversion_effect
from seedbed.migrations.diff.online.column_expansion import ColumnExpansion
from seedbed.migrations.diff.plan import plan_steps
from seedbed.migrations.diff.statement import Statement, quote_python, render_call, schema_argument
from seedbed.postgres.catalog import Catalog
from seedbed.postgres.catalog.model import CatalogObject, Constraint, Index, ObjectKey, Table
from seedbed.postgres.quoting import ColumnName, quote_identifier, quote_qualified


@dataclass(frozen=True)
class ExpandedSchema:
    """`catalog` is the result of the expanding revisions; `up` and `down` are the steps of the contract revision."""

    catalog: Catalog
    up: tuple[Statement, ...]
    down: tuple[Statement, ...]


def expand_schema(
    before: Catalog, after: Catalog, trial: Catalog, expansions: Sequence[ColumnExpansion], sources: ValueSources
) -> ExpandedSchema:
    """Add both forms of columns to a catalog. `trial` is `before` with the created objects, as PostgreSQL prints
    them.
    """
    objects, contracted_objects = dict(after.objects), dict(after.objects)
    renames: list[tuple[Statement, Statement]] = []
    for expansion in expansions:
        _add_expansion(objects, expansion, before, after, trial)
        _contract_expansion(contracted_objects, expansion, after, trial)
        renames += _render_renames(expansion)
    expanded = Catalog(objects, _find_direct_dependents(objects, before, after, trial), after.version)
    contracted = Catalog(
        contracted_objects, _find_direct_dependents(contracted_objects, before, after, trial), after.version
    )
    backfills = {expansion.old_path: expansion.down_expression for expansion in expansions}
    automatic = [
        expansion
        for expansion in expansions
        if (*expansion.new_path[:2], expansion.new.name) not in sources.reverse_expressions
    ]
    effects = {
        expansion.old_path: find_conversion_effect(
            expansion.table, expansion.new, expansion.old, after, before, is_downgrade=True
        )
        for expansion in automatic
    }
    up = plan_steps(expanded, contracted, sources)
    down = plan_steps(
        contracted,
        expanded,
        ValueSources(backfills=backfills, casts=sources.casts, is_downgrade=True, backfill_effects=effects),
    )
    up = [
        _reduce_loss(step, {expansion.old_path: expansion for expansion in expansions}, sources, before, after)
        for step in up
    ]
    return ExpandedSchema(
        expanded,
        (*up, *(forward for forward, _ in renames)),
        (*(reverse for _, reverse in reversed(renames)), *down),
    )


def _reduce_loss(
    step: Statement,
    expansions: Mapping[ColumnName, ColumnExpansion],
    sources: ValueSources,
    before: Catalog,
    after: Catalog,
) -> Statement:
    """Reduce the loss of a dropped column whose values another one has to what the other type cannot hold."""
    loss = step.loss
    expansion = expansions.get((loss.schema, loss.table, loss.column or "")) if loss is not None else None
    if expansion is None:
        return step
    if (*expansion.new_path[:2], expansion.new.name) in sources.using_expressions:
        return replace(step, loss=None)
    effect = find_conversion_effect(expansion.table, expansion.old, expansion.new, before, after)
    return replace(step, loss=effect.loss, row_condition=effect.row_condition)


def _add_expansion(
    objects: dict[ObjectKey, CatalogObject], expansion: ColumnExpansion, before: Catalog, after: Catalog, trial: Catalog
) -> None:
    table = objects[expansion.table.key]
    if not isinstance(table, Table):
        return
    columns = [column for column in table.columns if column.name != expansion.new.name]
    old = replace(expansion.old, not_null=expansion.old.not_null and expansion.new.not_null)
    columns += [old, replace(expansion.new, name=expansion.expanded_name, default=None)]
    objects[table.key] = replace(table, columns=tuple(columns))
    for key in sorted(_find_column_objects(before, expansion, expansion.old.name)):
        objects[key] = before.objects[key]
    if expansion.old.name == expansion.new.name:
        for key in _find_column_objects(after, expansion, expansion.new.name) - _find_column_objects(
            before, expansion, expansion.old.name
        ):
            objects.pop(key, None)
    objects |= _find_created_objects(expansion, trial)


def _contract_expansion(
    objects: dict[ObjectKey, CatalogObject], expansion: ColumnExpansion, after: Catalog, trial: Catalog
) -> None:
    """Remove the old form of a column; the new one still has its name of the expansion."""
    table = objects[expansion.table.key]
    if not isinstance(table, Table) or expansion.old.name != expansion.new.name:
        return
    columns = [column for column in table.columns if column.name != expansion.new.name]
    objects[table.key] = replace(table, columns=(*columns, replace(expansion.new, name=expansion.expanded_name)))
    for key in _find_column_objects(after, expansion, expansion.new.name):
        objects.pop(key, None)
    trial_objects = _find_created_objects(expansion, trial)
    objects |= {
        key: obj for key, obj in trial_objects.items() if key not in {expansion.function_key, expansion.trigger_key}
    }


def _find_created_objects(expansion: ColumnExpansion, trial: Catalog) -> dict[ObjectKey, CatalogObject]:
    """The objects that an expansion creates besides the column; a copy keeps the comment of its original."""
    created = {key: trial.objects[key] for key in (expansion.function_key, expansion.trigger_key)}
    for name, copy in expansion.copies.items():
        key = (*copy.key[:3], name)
        trial_obj = trial.objects[key]
        if isinstance(trial_obj, Index | Constraint):
            created[key] = replace(trial_obj, comment=copy.comment)
    return created


def _find_column_objects(catalog: Catalog, expansion: ColumnExpansion, column: str) -> set[ObjectKey]:
    column_key = ("column", expansion.table.schema, expansion.table.name, column)
    return {key for key in catalog.direct_dependents.get(column_key, ()) if key[0] in {"index", "constraint"}}


def _find_direct_dependents(
    objects: dict[ObjectKey, CatalogObject], before: Catalog, after: Catalog, trial: Catalog
) -> dict[ObjectKey, frozenset[ObjectKey]]:
    """The dependents of each object: by the final catalog, for kept objects by the old one, and for created ones by the
    trial.
    """
    needed_by: dict[ObjectKey, set[ObjectKey]] = {}
    for key, obj in objects.items():
        source = next((c for c in (after, before, trial) if c.objects.get(key) == obj), after)
        for dependency in source.find_direct_dependencies(key):
            needed_by.setdefault(dependency, set()).add(key)
    for dependency, dependents in after.direct_dependents.items():
        columns = {dependent for dependent in dependents if dependent[0] == "column"}
        if columns:
            needed_by.setdefault(dependency, set()).update(columns)
    return {dependency: frozenset(dependents) for dependency, dependents in needed_by.items()}


def _render_renames(expansion: ColumnExpansion) -> list[tuple[Statement, Statement]]:
    """The steps from the names of the expansion to the final ones, each with its reverse."""
    steps = []
    if expansion.expanded_name != expansion.new.name:
        steps.append(
            (
                _rename_column(expansion, expansion.expanded_name, expansion.new.name),
                _rename_column(expansion, expansion.new.name, expansion.expanded_name),
            )
        )
    for name, copy in expansion.copies.items():
        if name == copy.name:
            continue
        renamed = replace(copy, name=name)
        if isinstance(copy, Index) and isinstance(renamed, Index):
            steps.append((indexes.rename(renamed, copy), indexes.rename(copy, renamed)))
        elif isinstance(copy, Constraint) and isinstance(renamed, Constraint):
            steps.append((constraints.rename(renamed, copy), constraints.rename(copy, renamed)))
    return steps


def _rename_column(expansion: ColumnExpansion, old: str, new: str) -> Statement:
    table = expansion.table
    name_argument = f"new_column_name={quote_python(new)}"
    alembic_call = render_call(
        "op.alter_column", quote_python(table.name), quote_python(old), name_argument, schema_argument(table.schema)
    )
    rename = f"RENAME COLUMN {quote_identifier(old)} TO {quote_identifier(new)}"
    return Statement(f"ALTER TABLE {quote_qualified(table.schema, table.name)} {rename}", alembic_call)
