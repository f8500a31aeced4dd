"""Tables made, dropped and altered as a whole; their columns are altered elsewhere."""

from collections.abc import Iterable

from seedbed.migrations.diff.objects import constraints
from seedbed.migrations.diff.objects.columns import render_column, render_sqlalchemy_column
from seedbed.migrations.diff.statement import Loss, Statement, quote_python, render_call, schema_argument
from seedbed.postgres.catalog.model import Constraint, Table
from seedbed.postgres.quoting import quote_identifier, quote_qualified


def create(table: Table, inline_constraints: Iterable[Constraint]) -> list[Statement]:
    """A new table with the constraints that go inside it."""
    inline_constraints = list(inline_constraints)
    full = quote_qualified(table.schema, table.name)
    head = f"CREATE {'UNLOGGED ' if table.unlogged else ''}TABLE {full}"
    within = [f"CONSTRAINT {quote_identifier(c.name)} {c.definition}" for c in inline_constraints]
    parts = [render_column(column) for column in table.columns] + within
    body = " (\n    " + ",\n    ".join(parts) + "\n)" if parts else " ()"
    if table.partition_bound is not None:
        sql = f"{head} PARTITION OF {table.parents[0]}{body if parts else ''} {table.partition_bound}"
    else:
        sql = head + body + (f" INHERITS ({', '.join(table.parents)})" if table.parents else "")
    if table.partition_key is not None:
        sql += f" PARTITION BY {table.partition_key}"
    if options := [option for option in table.options if option]:
        sql += f" WITH ({', '.join(options)})"
    return [Statement(sql, _render_create(table, inline_constraints))]


def drop(table: Table) -> list[Statement]:
    code = render_call("op.drop_table", quote_python(table.name), schema_argument(table.schema)[2:])
    schema, place = table.schema, table.name
    if table.partition_bound is not None:
        schema, place = (part.strip('"') for part in table.parents[0].split("."))
    loss = Loss(schema, place, None, f"the rows of {table.name}")
    return [Statement(f"DROP TABLE {quote_qualified(table.schema, table.name)}", code, loss)]


def alter(old: Table, new: Table) -> list[Statement]:
    """What changes about a table apart from columns, comment, privileges and partitioning."""
    full = quote_qualified(new.schema, new.name)
    said = []
    if old.unlogged != new.unlogged:
        said.append(f"ALTER TABLE {full} SET {'UNLOGGED' if new.unlogged else 'LOGGED'}")
    gone = [option.split("=", 1)[0] for option in old.options]
    gone = [option for option in gone if not any(kept.startswith(f"{option}=") for kept in new.options)]
    if gone:
        said.append(f"ALTER TABLE {full} RESET ({', '.join(gone)})")
    if set_options := sorted(set(new.options) - set(old.options)):
        said.append(f"ALTER TABLE {full} SET ({', '.join(set_options)})")
    said += alter_row_security(old.row_security, old.forced_row_security, new)
    if old.parents != new.parents or old.partition_bound != new.partition_bound:
        said += _detach(old, full) + _attach(new, full)
    return [Statement(sql) for sql in said]


def alter_row_security(enabled: bool, forced: bool, table: Table) -> list[str]:
    """Row level security switched as a table has it, from what it was."""
    full = quote_qualified(table.schema, table.name)
    said = []
    if enabled != table.row_security:
        said.append(f"ALTER TABLE {full} {'ENABLE' if table.row_security else 'DISABLE'} ROW LEVEL SECURITY")
    if forced != table.forced_row_security:
        said.append(f"ALTER TABLE {full} {'FORCE' if table.forced_row_security else 'NO FORCE'} ROW LEVEL SECURITY")
    return said


def _detach(table: Table, full: str) -> list[str]:
    if table.partition_bound is not None:
        return [f"ALTER TABLE {table.parents[0]} DETACH PARTITION {full}"]
    return [f"ALTER TABLE {full} NO INHERIT {parent}" for parent in table.parents]


def _attach(table: Table, full: str) -> list[str]:
    if table.partition_bound is not None:
        return [f"ALTER TABLE {table.parents[0]} ATTACH PARTITION {full} {table.partition_bound}"]
    return [f"ALTER TABLE {full} INHERIT {parent}" for parent in table.parents]


def _render_create(table: Table, inline_constraints: list[Constraint]) -> str | None:
    if table.parents or table.partition_key or table.options or table.unlogged or table.kind == "foreign":
        return None
    keys = [c.columns for c in inline_constraints if c.type == "p"]
    lone = keys[0][0] if keys and len(keys[0]) == 1 else None
    parts = [render_sqlalchemy_column(column, is_sole_primary_key=column.name == lone) for column in table.columns] + [
        constraints.render_inline(c) for c in inline_constraints
    ]
    if any(part is None for part in parts) or not parts:
        return None
    arguments = [quote_python(table.name), *(part for part in parts if part), schema_argument(table.schema)[2:]]
    inner = "".join(f"    {argument},\n" for argument in arguments if argument)
    return f"op.create_table(\n{inner})"
