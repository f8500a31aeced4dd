"""Row security: policies created and dropped, and tables for which it is enabled or forced."""

from seedbed.migrations.diff.statement import Statement
from seedbed.postgres.catalog.model import Policy, Table
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
