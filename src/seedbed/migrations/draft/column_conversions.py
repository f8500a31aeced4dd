"""The columns of a change that get another type, with the expressions that convert their values."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from seedbed.errors import UnknownTypeConversion
from seedbed.migrations.diff.types import user_types
from seedbed.migrations.diff.types.using_expressions import find_using_expression
from seedbed.migrations.diff.value_sources import ValueSources
from seedbed.migrations.draft.renames import Rename
from seedbed.migrations.proof.conversion_check import ColumnConversion
from seedbed.postgres.catalog import Catalog
from seedbed.postgres.catalog.model import Column, Composite, Constraint, Domain, Enum, Table
from seedbed.postgres.quoting import quote_identifier


def find_conversions(
    before: Catalog, after: Catalog, expanded_renames: Sequence[Rename], knowledge: ValueSources
) -> Iterator[ColumnConversion]:
    """Every column that gets another type and can go back to the old one.

    `before` has the new names already, but for those of `apart`. Left out are columns of a type that stays under its
    name and is replaced, since it cannot be there in both forms.
    """
    old_names = {
        (*rename.column[0][:2], rename.column[1]): rename.column[0][2] for rename in expanded_renames if rename.column
    }
    for table in after.tables():
        old_table = before.objects.get(table.key)
        if not isinstance(old_table, Table):
            continue
        for new in table.columns:
            place = (table.schema, table.name, new.name)
            old = old_table.columns_by_name.get(old_names.get(place, new.name))
            if old is None or old.type == new.type or old.generated or new.generated:
                continue
            made = list(_find_missing_types(new, before, after))
            if any(found.key in before.objects for found in made):
                continue
            using = knowledge.using_expressions.get(place) or find_using_expression(
                table, old, new, before, after, knowledge
            )
            back = knowledge.reverse_expressions.get(place)
            try:
                back = back or find_using_expression(
                    table, new, old, after, before, replace(knowledge, is_downgrade=True)
                )
            except UnknownTypeConversion:
                continue
            yield ColumnConversion(
                table.schema,
                table.name,
                old,
                new,
                using or quote_identifier(old.name),
                back or quote_identifier(new.name),
                tuple(step for found in reversed(made) for step in user_types.create(found)),
                tuple(_find_column_checks(before, table, old)),
                tuple(_find_column_checks(after, table, new)),
            )


def _find_missing_types(column: Column, before: Catalog, after: Catalog) -> Iterator[user_types.UserType]:
    """The types of a column that are not in the database before the change, each before what it stands on."""
    type_name: str | None = column.type
    while type_name is not None:
        schema, _, bare = type_name.removesuffix("[]").rpartition(".")
        key = ("type", schema or "public", bare.strip('"'))
        found = after.objects.get(key)
        if isinstance(found, Enum | Domain | Composite) and before.objects.get(key) != found:
            yield found
        type_name = found.type if isinstance(found, Domain) else None


def _find_column_checks(catalog: Catalog, table: Table, column: Column) -> Iterator[str]:
    """The CHECK constraints that concern a column alone."""
    for key in catalog.direct_dependents.get(("column", table.schema, table.name, column.name), ()):
        found = catalog.objects.get(key)
        if isinstance(found, Constraint) and found.type == "c" and found.columns == (column.name,):
            yield found.definition.removesuffix(" NOT VALID")
