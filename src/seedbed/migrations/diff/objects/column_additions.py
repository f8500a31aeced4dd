"""Columns that are added to existing tables, and filled where they must not be NULL."""

from dataclasses import replace

from seedbed.errors import MissingBackfill
from seedbed.migrations.diff.backfill_expressions import (
    VOLATILE_CALL,
    ConversionEffect,
    ValueSources,
    pick_numbered_placeholder,
    pick_placeholder,
)
from seedbed.migrations.diff.objects.column_changes import (
    add_not_valid_not_null,
    change_default,
    column_loss,
    fill_column,
    render_add_column,
    set_not_null,
)
from seedbed.migrations.diff.statement import Statement
from seedbed.postgres.catalog import Catalog
from seedbed.postgres.catalog.model import Column, Constraint, Index, Table
from seedbed.postgres.quoting import quote_identifier, quote_qualified


def add_column(table: Table, column: Column, after: Catalog, sources: ValueSources) -> list[Statement]:
    """Add a column to an existing table, and fill it in existing rows where it must not be NULL.

    Raises:
        MissingBackfill: nothing gives its value in existing rows.
    """
    if column.unvalidated_not_null is not None:
        nullable = replace(column, not_null=False, unvalidated_not_null=None)
        return [*add_column(table, nullable, after, sources), add_not_valid_not_null(table, column)]
    path = (table.schema, table.name, column.name)
    backfill = sources.backfills.get(path)
    if path in sources.deferred_columns:
        add_step = render_add_column(table, replace(column, default=None, not_null=False))
        return [add_step, *(change_default(table, column, to=column.default) if column.default is not None else [])]
    has_automatic_value = column.default is not None or column.generated or column.identity
    is_restored = sources.is_downgrade and backfill is None and not column.generated
    if is_restored and column.default and not VOLATILE_CALL.search(column.default) and _is_unique(table, column, after):
        without_default = replace(column, default=None)
        steps = (
            _add_numbered_column(table, without_default, after)
            if column.not_null
            else [render_add_column(table, without_default)]
        )
        return [*steps, *change_default(table, column, to=column.default)]
    if has_automatic_value and backfill is None:
        return [render_add_column(table, column)]
    if backfill is not None and path in sources.constant_backfills and column.default is None and column.not_null:
        return [render_add_column(table, column, default=backfill), *change_default(table, column)]
    if backfill is not None and (column.not_null or path not in sources.constant_backfills):
        effect = sources.backfill_effects.get(path, ConversionEffect(None, None))
        backfill_step = replace(
            fill_column(table, column, backfill, only_nulls=False), loss=effect.loss, row_condition=effect.row_condition
        )
        steps = [render_add_column(table, column, not_null=False), backfill_step]
        return [*steps, *(set_not_null(table, column) if column.not_null else [])]
    if not column.not_null:
        return [render_add_column(table, column)]
    if sources.is_downgrade and _is_unique(table, column, after):
        return _add_numbered_column(table, column, after)
    value = pick_placeholder(column.type, after) if sources.is_downgrade else None
    if value is None:
        raise MissingBackfill(table.name, column.name)
    loss = column_loss(table, column, f"becomes {value} in every row")
    step = render_add_column(table, column, default=f"{value}::{column.type}")
    return [Statement(step.sql, step.alembic_call, loss=loss), *change_default(table, column)]


def _add_numbered_column(table: Table, column: Column, after: Catalog) -> list[Statement]:
    """Add a unique column in a downgrade: its old values are lost, and its rows must still differ."""
    value = pick_numbered_placeholder(column.type, after)
    if value is None:
        raise MissingBackfill(table.name, column.name)
    table_sql, column_name = quote_qualified(table.schema, table.name), quote_identifier(column.name)
    rows = f"(SELECT ctid, row_number() OVER () AS n FROM {table_sql}) AS numbered"
    update = f"UPDATE {table_sql} SET {column_name} = ({value})::{column.type} FROM {rows}"
    loss = column_loss(table, column, "comes back with numbers in place of what it was")
    backfill_step = Statement(
        f"{update} WHERE {table_sql}.ctid = numbered.ctid", loss=loss, updated_table=(table.schema, table.name)
    )
    return [render_add_column(table, column, not_null=False), backfill_step, *set_not_null(table, column)]


def _is_unique(table: Table, column: Column, after: Catalog) -> bool:
    for obj in after.objects.values():
        if isinstance(obj, Constraint | Index) and (obj.schema, obj.table) == (table.schema, table.name):
            is_unique = obj.unique if isinstance(obj, Index) else obj.type in "pu"
            if is_unique and column.name in obj.columns:
                return True
    return False
