"""Tables created, dropped and altered as a whole, without their columns, and their row security."""

from collections.abc import Iterable

from seedbed.migrations.diff.objects import constraints
from seedbed.migrations.diff.objects.columns import render_column, render_sqlalchemy_column
from seedbed.migrations.diff.statement import Loss, Statement, quote_python, render_call, schema_argument
from seedbed.postgres.catalog.model import Constraint, Policy, Table
from seedbed.postgres.quoting import quote_identifier, quote_qualified


def create_policy(policy: Policy) -> list[Statement]:
    roles = ", ".join("PUBLIC" if role == "public" else quote_identifier(role) for role in policy.roles)
    parts = [
        f"CREATE POLICY {quote_identifier(policy.name)} ON {quote_qualified(policy.schema, policy.table)}",
        "" if policy.permissive else "AS RESTRICTIVE",
        "" if policy.command == "ALL" else f"FOR {policy.command}",
        "" if policy.roles == ("public",) else f"TO {roles}",
        f"USING ({policy.using})" if policy.using else "",
        f"WITH CHECK ({policy.check})" if policy.check else "",
    ]
    return [Statement(" ".join(part for part in parts if part))]


def drop_policy(policy: Policy) -> list[Statement]:
    return [Statement(f"DROP POLICY {quote_identifier(policy.name)} ON {quote_qualified(policy.schema, policy.table)}")]


def alter_row_security(was_enabled: bool, was_forced: bool, table: Table) -> list[str]:
    """Enable, force or disable row security as the table has it."""
    table_name = quote_qualified(table.schema, table.name)
    statements = []
    if was_enabled != table.row_security:
        statements.append(
            f"ALTER TABLE {table_name} {'ENABLE' if table.row_security else 'DISABLE'} ROW LEVEL SECURITY"
        )
    if was_forced != table.forced_row_security:
        statements.append(
            f"ALTER TABLE {table_name} {'FORCE' if table.forced_row_security else 'NO FORCE'} ROW LEVEL SECURITY"
        )
    return statements


def create(table: Table, inline_constraints: Iterable[Constraint]) -> list[Statement]:
    """Create a table with constraints that are part of CREATE TABLE."""
    inline_constraints = list(inline_constraints)
    table_name = quote_qualified(table.schema, table.name)
    head = f"CREATE {'UNLOGGED ' if table.unlogged else ''}TABLE {table_name}"
    constraint_clauses = [f"CONSTRAINT {quote_identifier(c.name)} {c.definition}" for c in inline_constraints]
    parts = [render_column(column) for column in table.columns] + constraint_clauses
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
    alembic_call = render_call("op.drop_table", quote_python(table.name), schema_argument(table.schema))
    schema, name = table.schema, table.name
    if table.partition_bound is not None:
        schema, name = (part.strip('"') for part in table.parents[0].split("."))
    loss = Loss(schema, name, None, f"the rows of {table.name}")
    return [Statement(f"DROP TABLE {quote_qualified(table.schema, table.name)}", alembic_call, loss)]


def alter(old: Table, new: Table) -> list[Statement]:
    """Alter a table except for its columns, comment, privileges and partitioning."""
    table_name = quote_qualified(new.schema, new.name)
    statements = []
    if old.unlogged != new.unlogged:
        statements.append(f"ALTER TABLE {table_name} SET {'UNLOGGED' if new.unlogged else 'LOGGED'}")
    new_names = {option.split("=", 1)[0] for option in new.options}
    reset_options = [name for name in (option.split("=", 1)[0] for option in old.options) if name not in new_names]
    if reset_options:
        statements.append(f"ALTER TABLE {table_name} RESET ({', '.join(reset_options)})")
    if set_options := sorted(set(new.options) - set(old.options)):
        statements.append(f"ALTER TABLE {table_name} SET ({', '.join(set_options)})")
    statements += alter_row_security(old.row_security, old.forced_row_security, new)
    if old.parents != new.parents or old.partition_bound != new.partition_bound:
        statements += _detach(old, table_name) + _attach(new, table_name)
    return [Statement(sql) for sql in statements]


def _detach(table: Table, table_name: str) -> list[str]:
    if table.partition_bound is not None:
        return [f"ALTER TABLE {table.parents[0]} DETACH PARTITION {table_name}"]
    return [f"ALTER TABLE {table_name} NO INHERIT {parent}" for parent in table.parents]


def _attach(table: Table, table_name: str) -> list[str]:
    if table.partition_bound is not None:
        return [f"ALTER TABLE {table.parents[0]} ATTACH PARTITION {table_name} {table.partition_bound}"]
    return [f"ALTER TABLE {table_name} INHERIT {parent}" for parent in table.parents]


def _render_create(table: Table, inline_constraints: list[Constraint]) -> str | None:
    if table.parents or table.partition_key or table.options or table.unlogged or table.kind == "foreign":
        return None
    primary_keys = [c.columns for c in inline_constraints if c.type == "p"]
    sole_primary_key = primary_keys[0][0] if primary_keys and len(primary_keys[0]) == 1 else None
    parts = [
        render_sqlalchemy_column(column, is_sole_primary_key=column.name == sole_primary_key)
        for column in table.columns
    ] + [constraints.render_inline(c) for c in inline_constraints]
    if any(part is None for part in parts) or not parts:
        return None
    arguments = [quote_python(table.name), *(part for part in parts if part), schema_argument(table.schema)]
    inner = "".join(f"    {argument},\n" for argument in arguments if argument)
    return f"op.create_table(\n{inner})"
