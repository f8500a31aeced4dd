"""Rows of a table that its model makes, under the names that a database has for its columns."""

from collections.abc import Callable, Mapping, Sequence

from seedbed.migrations.proof.samples.sample_values import AS_OF, VALUES_PER_COLUMN
from seedbed.postgres.catalog import Catalog
from seedbed.postgres.catalog.model import Table
from seedbed.schema import Schema

Place = tuple[str, str]
Rows = Sequence[Mapping[str, str | None]]
ModelRows = Callable[[Place], Rows]
"""Gives the rows of a table by its schema and name; none of a table that no model is known of."""


def read_model_rows(models: Schema) -> ModelRows:
    """What the models make of each table, when it is asked for."""
    tables = {(table.schema or "public", str(table.name)): table for table in models.tables}
    kept: dict[Place, Rows] = {}

    def made(place: Place) -> Rows:
        from seedbed.seeding.planning.sample_rows import specimens  # noqa: PLC0415 - its imports take a fifth of a small draft

        if place not in kept:
            table = tables.get(place)
            kept[place] = (
                [] if table is None else specimens(table, models.classes.get(table.key), VALUES_PER_COLUMN, AS_OF)
            )
        return kept[place]

    return made


def map_to_old_schema(
    model_rows: ModelRows,
    before: Catalog,
    after: Catalog,
    tables: Mapping[Place, Place],
    columns: Mapping[tuple[str, str, str], str],
) -> ModelRows:
    """The same where a change has not happened yet: in columns whose type was the same, under the names that were
    theirs. `tables` and `columns` have the old names by the new places.
    """
    there = [((table.schema, table.name), table) for table in after.tables()]
    places = {tables.get(place, place): table for place, table in there}

    def known(place: Place) -> Rows:
        old, new = before.objects.get(("table", *place)), places.get(place)
        if not isinstance(old, Table) or new is None:
            return []
        same = {}
        for column in new.columns:
            was = old.columns_by_name.get(columns.get((new.schema, new.name, column.name), column.name))
            if was is not None and was.type == column.type and _is_unchanged(column.type, before, after):
                same[column.name] = was.name
        return [{same[n]: value for n, value in row.items() if n in same} for row in model_rows((new.schema, new.name))]

    return known


def _is_unchanged(name: str, before: Catalog, after: Catalog) -> bool:
    """Whether a type that the database defines itself has stayed what it was; others always have."""
    schema, _, bare = name.removesuffix("[]").rpartition(".")
    key = ("type", schema or "public", bare)
    return before.objects.get(key) == after.objects.get(key)
