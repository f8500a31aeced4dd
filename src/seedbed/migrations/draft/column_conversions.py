"""Find the columns whose type changes, with the expressions up and down that the proof tests."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from seedbed.errors import UnknownTypeConversion
from seedbed.migrations.diff.backfill_expressions import ValueSources
from seedbed.migrations.diff.types import user_types
from seedbed.migrations.diff.types.using_expressions import find_using_expression
from seedbed.migrations.draft.renames import Rename
from seedbed.migrations.proof.conversion_check import ColumnConversion
from seedbed.postgres.catalog import Catalog
from seedbed.postgres.catalog.model import Column, Composite, Constraint, Domain, Enum, Table
from seedbed.postgres.quoting import quote_identifier


def find_conversions(
    before: Catalog, after: Catalog, expanded_renames: Sequence[Rename], sources: ValueSources
) -> Iterator[ColumnConversion]:
    """Find every column that gets another type and can be converted back to the old one.

    `before` has the new names already, except those of `expanded_renames`. Columns of a type that is replaced under its
    name are left out, since both types cannot exist at once.
    """
    old_names = {
        (*rename.column[0][:2], rename.column[1]): rename.column[0][2] for rename in expanded_renames if rename.column
    }
    for table in after.tables():
        old_table = before.objects.get(table.key)
        if not isinstance(old_table, Table):
            continue
        for new in table.columns:
            path = (table.schema, table.name, new.name)
            old = old_table.columns_by_name.get(old_names.get(path, new.name))
            if old is None or old.type == new.type or old.generated or new.generated:
                continue
            missing_types = list(_find_missing_types(new, before, after))
            if any(user_type.key in before.objects for user_type in missing_types):
                continue
            up_expression = sources.using_expressions.get(path) or find_using_expression(
                table, old, new, before, after, sources
            )
            down_expression = sources.reverse_expressions.get(path)
            try:
                down_expression = down_expression or find_using_expression(
                    table, new, old, after, before, replace(sources, is_downgrade=True)
                )
            except UnknownTypeConversion:
                continue
            yield ColumnConversion(
                table.schema,
                table.name,
                old,
                new,
                up_expression or quote_identifier(old.name),
                down_expression or quote_identifier(new.name),
                tuple(step for user_type in reversed(missing_types) for step in user_types.create(user_type)),
                tuple(_find_column_checks(before, table, old)),
                tuple(_find_column_checks(after, table, new)),
            )


def _find_missing_types(column: Column, before: Catalog, after: Catalog) -> Iterator[user_types.UserType]:
    """The types of a column that the database lacks before the change, each before those that it is based on."""
    type_name: str | None = column.type
    while type_name is not None:
        schema, _, name = type_name.removesuffix("[]").rpartition(".")
        key = ("type", schema or "public", name.strip('"'))
        user_type = after.objects.get(key)
        if isinstance(user_type, Enum | Domain | Composite) and before.objects.get(key) != user_type:
            yield user_type
        type_name = user_type.type if isinstance(user_type, Domain) else None


def _find_column_checks(catalog: Catalog, table: Table, column: Column) -> Iterator[str]:
    """The CHECK constraints on a column alone."""
    for key in catalog.direct_dependents.get(("column", table.schema, table.name, column.name), ()):
        obj = catalog.objects.get(key)
        if isinstance(obj, Constraint) and obj.type == "c" and obj.columns == (column.name,):
            yield obj.definition.removesuffix(" NOT VALID")
