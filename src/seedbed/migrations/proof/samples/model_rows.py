"""Rows that the models generate for a table, under the column names of a database."""

from collections.abc import Callable, Mapping, Sequence

from seedbed.migrations.proof.samples.sample_values import AS_OF, VALUES_PER_COLUMN
from seedbed.postgres.catalog import Catalog
from seedbed.postgres.catalog.model import Table
from seedbed.postgres.quoting import ColumnName, TableName
from seedbed.schema import Schema

Rows = Sequence[Mapping[str, str | None]]
ModelRows = Callable[[TableName], Rows]
"""Returns the rows of a table by its name; none for a table without a model."""


def read_model_rows(models: Schema) -> ModelRows:
    """Rows that the models generate for each table, computed when they are asked for."""
    tables = {(table.schema or "public", str(table.name)): table for table in models.tables}
    rows_by_table: dict[TableName, Rows] = {}

    def rows_of(path: TableName) -> Rows:
        from seedbed.seeding.planning.sample_rows import make_sample_rows  # noqa: PLC0415 - the import takes a fifth of the time of a small draft

        if path not in rows_by_table:
            table = tables.get(path)
            rows_by_table[path] = (
                []
                if table is None
                else make_sample_rows(table, models.classes.get(table.key), VALUES_PER_COLUMN, AS_OF)
            )
        return rows_by_table[path]

    return rows_of


def map_to_old_schema(
    model_rows: ModelRows,
    before: Catalog,
    after: Catalog,
    tables: Mapping[TableName, TableName],
    columns: Mapping[ColumnName, str],
) -> ModelRows:
    """Map rows to the schema before a change: columns of an unchanged type, under their old names.

    `tables` and `columns` map new names to old ones.
    """
    new_tables = [((table.schema, table.name), table) for table in after.tables()]
    tables_by_old_path = {tables.get(path, path): table for path, table in new_tables}

    def rows_under_old_names(path: TableName) -> Rows:
        old, new = before.objects.get(("table", *path)), tables_by_old_path.get(path)
        if not isinstance(old, Table) or new is None:
            return []
        old_names = {}
        for column in new.columns:
            old_column = old.columns_by_name.get(columns.get((new.schema, new.name, column.name), column.name))
            if old_column is not None and old_column.type == column.type and _is_unchanged(column.type, before, after):
                old_names[column.name] = old_column.name
        return [
            {old_names[n]: value for n, value in row.items() if n in old_names}
            for row in model_rows((new.schema, new.name))
        ]

    return rows_under_old_names


def _is_unchanged(type_name: str, before: Catalog, after: Catalog) -> bool:
    """Whether a user-defined type has not changed; other types never do."""
    schema, _, name = type_name.removesuffix("[]").rpartition(".")
    key = ("type", schema or "public", name)
    return before.objects.get(key) == after.objects.get(key)
