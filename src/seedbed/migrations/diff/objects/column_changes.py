"""Columns that are added, dropped or altered in tables that may have rows."""

from dataclasses import replace

from seedbed.migrations.diff.backfill_expressions import (
    ConversionEffect,
    ValueSources,
    pick_placeholder,
)
from seedbed.migrations.diff.change_order import pick_temporary_name
from seedbed.migrations.diff.objects import sequences
from seedbed.migrations.diff.objects.columns import (
    escape_colons,
    render_column,
    render_identity_changes,
    render_identity_options,
    render_not_valid_not_null,
    render_sqlalchemy_column,
    render_type,
)
from seedbed.migrations.diff.statement import Loss, Statement, quote_python, render_call, schema_argument
from seedbed.migrations.diff.types.conversion_rules import (
    are_same_family,
    find_base_type,
    find_enum,
    find_lossy_part,
    find_respelling,
    is_narrowing,
)
from seedbed.migrations.diff.types.using_expressions import find_using_expression
from seedbed.postgres.catalog import Catalog
from seedbed.postgres.catalog.model import Column, Table
from seedbed.postgres.quoting import quote_identifier, quote_qualified


def drop_column(table: Table, column: Column) -> Statement:
    sql = f"ALTER TABLE {quote_qualified(table.schema, table.name)} DROP COLUMN {quote_identifier(column.name)}"
    alembic_call = render_call(
        "op.drop_column", quote_python(table.name), quote_python(column.name), schema_argument(table.schema)
    )
    return Statement(sql, alembic_call, loss=None if column.generated else column_loss(table, column, ""))


def needs_rebuild(old: Column, new: Column) -> bool:
    """Whether a column is dropped and added: a generated column is computed again, and loses nothing by it."""
    if old.generated == new.generated:
        return bool(new.generated) and (old.default, old.type) != (new.default, new.type)
    return not (old.generated == "stored" and new.generated is None)


def becomes_ordinary(old: Column, new: Column) -> bool:
    """Whether a virtual generated column becomes an ordinary one. A stored one keeps its values by DROP EXPRESSION."""
    return old.generated == "virtual" and new.generated is None


def materialize_virtual_column(
    table: Table, old: Column, new: Column, before: Catalog, after: Catalog, sources: ValueSources
) -> list[Statement]:
    """Replace a virtual generated column by an ordinary one with the values that it showed."""
    path = (table.schema, table.name, new.name)
    replacement = replace(
        new, name=pick_temporary_name(new.name, table.columns_by_name), not_null=False, default=None, identity=None
    )
    hinted_expression = sources.using_expressions.get(path)
    value = (
        hinted_expression
        or find_using_expression(table, old, new, before, after, sources)
        or quote_identifier(old.name)
    )
    effect = (
        ConversionEffect(None, None) if hinted_expression else find_conversion_effect(table, old, new, before, after)
    )
    backfill_step = replace(
        fill_column(table, replacement, value, only_nulls=False), loss=effect.loss, row_condition=effect.row_condition
    )
    table_sql, new_name = quote_qualified(table.schema, table.name), quote_identifier(new.name)
    rename_sql = f"ALTER TABLE {table_sql} RENAME COLUMN {quote_identifier(replacement.name)} TO {new_name}"
    renamed_column = replace(replacement, name=new.name, identity_options=None)
    remaining_steps = alter_column(table, renamed_column, new, before, after, sources)
    return [
        render_add_column(table, replacement),
        backfill_step,
        drop_column(table, old),
        Statement(rename_sql),
        *remaining_steps,
    ]


def alter_column(
    table: Table, old: Column, new: Column, before: Catalog, after: Catalog, sources: ValueSources
) -> list[Statement]:
    """Alter one column, in the order of steps that PostgreSQL accepts."""
    steps: list[Statement] = []
    if old.generated == "stored" and new.generated is None:
        steps.append(_alter_column(table, new, "DROP EXPRESSION"))
        old = replace(old, generated=None, default=None)
    is_type_changed = (old.type, old.collation) != (new.type, new.collation)
    if is_type_changed:
        if old.default is not None and not are_same_family(old.type, new.type):
            steps += change_default(table, new, to=None)
            old = replace(old, default=None)
        steps += _change_type(table, old, new, before, after, sources)
    steps += _change_identity(table, old, new, is_value_saved=sequences.has_own_sequence(before, table, old))
    if old.default != new.default and not new.generated and not (old.identity or new.identity):
        steps += change_default(table, new, to=new.default)
    if (old.not_null, old.unvalidated_not_null) != (new.not_null, new.unvalidated_not_null):
        if new.unvalidated_not_null is not None:
            steps.append(add_not_valid_not_null(table, new, replaces_valid=old.not_null))
        else:
            steps += _change_nullability(table, new, after, sources)
    return steps


def add_not_valid_not_null(table: Table, column: Column, *, replaces_valid: bool = False) -> Statement:
    """Add NOT NULL NOT VALID. With `replaces_valid`, it replaces a NOT NULL that is valid."""
    drop_clause = f"ALTER COLUMN {quote_identifier(column.name)} DROP NOT NULL, " if replaces_valid else ""
    return Statement(
        f"ALTER TABLE {quote_qualified(table.schema, table.name)} {drop_clause}{render_not_valid_not_null(column)}"
    )


def render_add_column(
    table: Table, column: Column, *, not_null: bool | None = None, default: str | None = None
) -> Statement:
    sql = f"ALTER TABLE {quote_qualified(table.schema, table.name)} ADD COLUMN "
    sql += render_column(column, not_null=not_null, default=default)
    column_call = render_sqlalchemy_column(column, not_null=not_null, default=default)
    alembic_call = None
    if column_call is not None:
        alembic_call = render_call(
            "op.add_column", quote_python(table.name), column_call, schema_argument(table.schema)
        )
    return Statement(sql, alembic_call)


def fill_column(table: Table, column: Column, expression: str, *, only_nulls: bool) -> Statement:
    column_name = quote_identifier(column.name)
    condition = f" WHERE {column_name} IS NULL" if only_nulls else ""
    sql = f"UPDATE {quote_qualified(table.schema, table.name)} SET {column_name} = {expression}{condition}"
    return Statement(sql, updated_table=(table.schema, table.name))


def _alter_column(table: Table, column: Column, change: str, alembic_call: str | None = None) -> Statement:
    head = f"ALTER TABLE {quote_qualified(table.schema, table.name)} ALTER COLUMN {quote_identifier(column.name)} "
    return Statement(head + change, alembic_call)


def _render_alter_column(table: Table, column: Column, *arguments: str) -> str:
    schema = schema_argument(table.schema)
    return render_call("op.alter_column", quote_python(table.name), quote_python(column.name), *arguments, schema)


def change_default(table: Table, column: Column, to: str | None = None) -> list[Statement]:
    if to is None:
        return [
            _alter_column(table, column, "DROP DEFAULT", _render_alter_column(table, column, "server_default=None"))
        ]
    argument = f"server_default=sa.text({quote_python(escape_colons(to))})"
    return [_alter_column(table, column, f"SET DEFAULT {to}", _render_alter_column(table, column, argument))]


def drop_identity(table: Table, column: Column, *, is_value_saved: bool = False) -> Statement:
    """Drop an identity, and with it the last value of its sequence, unless that `is_value_saved` for another
    sequence.
    """
    step, path = _alter_column(table, column, "DROP IDENTITY"), f"{table.name}.{column.name}"
    if is_value_saved:
        return step
    return replace(step, loss=Loss(table.schema, path, None, f"where {path} has counted to"))


def set_not_null(table: Table, column: Column) -> list[Statement]:
    return [_alter_column(table, column, "SET NOT NULL", _render_alter_column(table, column, "nullable=False"))]


def _change_nullability(table: Table, column: Column, after: Catalog, sources: ValueSources) -> list[Statement]:
    if not column.not_null:
        return [_alter_column(table, column, "DROP NOT NULL", _render_alter_column(table, column, "nullable=True"))]
    path = (table.schema, table.name, column.name)
    backfill = sources.backfills.get(path, column.default if not column.generated else None)
    if backfill is None and sources.is_downgrade:
        value = pick_placeholder(column.type, after)
        if value is not None:
            backfill_step = fill_column(table, column, f"{value}::{column.type}", only_nulls=True)
            loss = column_loss(table, column, f"becomes {value} where it is NULL")
            return [replace(backfill_step, loss=loss), *set_not_null(table, column)]
    if backfill is None or column.identity:
        return set_not_null(table, column)
    return [fill_column(table, column, backfill, only_nulls=True), *set_not_null(table, column)]


def _change_type(
    table: Table, old: Column, new: Column, before: Catalog, after: Catalog, sources: ValueSources
) -> list[Statement]:
    collate = f" COLLATE {new.collation}" if new.collation else ' COLLATE "default"' if old.collation else ""
    hinted_expression = sources.using_expressions.get((table.schema, table.name, new.name))
    using = hinted_expression or find_using_expression(table, old, new, before, after, sources)
    clause = f" USING {using}" if using else ""
    alembic_call = None
    new_type_code, old_type_code = render_type(new.type), render_type(old.type)
    if new_type_code is not None and old_type_code is not None and not collate:
        argument = f"postgresql_using={quote_python(using)}" if using else ""
        alembic_call = _render_alter_column(
            table, new, f"existing_type={old_type_code}", f"type_={new_type_code}", argument
        )
    step = _alter_column(table, new, f"TYPE {new.type}{collate}{clause}", alembic_call)
    if hinted_expression:
        return [step]
    effect = find_conversion_effect(table, old, new, before, after, is_downgrade=sources.is_downgrade)
    return [replace(step, loss=effect.loss, row_condition=effect.row_condition)]


def find_conversion_effect(
    table: Table, old: Column, new: Column, before: Catalog, after: Catalog, *, is_downgrade: bool = False
) -> ConversionEffect:
    """Find what a column's values lose when their type changes, and what they must be for PostgreSQL to convert
    them.
    """
    old_type, new_type = find_base_type(old.type, before), find_base_type(new.type, after)
    lost_part = find_lossy_part(old_type, new_type, is_downgrade=is_downgrade)
    if lost_part is None and find_enum(new_type, after) is None:  # a label has one spelling
        lost_part = find_respelling(old_type, new_type, is_downgrade=is_downgrade)
    path = f"{table.name}.{new.name}"
    loss = None if lost_part is None else Loss(table.schema, table.name, new.name, lost_part.format(path))
    return ConversionEffect(loss, f"{path} as {new.type}" if is_narrowing(old_type, new_type) else None)


def column_loss(table: Table, column: Column, description: str) -> Loss:
    return Loss(table.schema, table.name, column.name, f"{table.name}.{column.name} {description}".strip())


def _change_identity(table: Table, old: Column, new: Column, *, is_value_saved: bool) -> list[Statement]:
    if old.identity == new.identity and old.identity_options == new.identity_options:
        return []
    if new.identity is None:
        return [drop_identity(table, new)]
    if old.identity is None:
        steps = change_default(table, new) if old.default is not None else []
        if not old.not_null:
            steps += set_not_null(table, new)
        add_step = _alter_column(
            table, new, f"ADD GENERATED {new.identity.upper()} AS IDENTITY{render_identity_options(new)}"
        )
        return [*steps, add_step, sequences.continue_numbering(table, new, is_value_saved=is_value_saved)]
    changes = f"SET GENERATED {new.identity.upper()} " if old.identity != new.identity else ""
    return [_alter_column(table, new, (changes + render_identity_changes(new)).strip())]
