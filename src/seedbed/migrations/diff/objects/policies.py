"""Row security policies created and dropped."""

from seedbed.migrations.diff.statement import Statement
from seedbed.postgres.catalog.model import Policy
from seedbed.postgres.quoting import quote_identifier, quote_qualified


def create(policy: Policy) -> list[Statement]:
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


def drop(policy: Policy) -> list[Statement]:
    return [Statement(f"DROP POLICY {quote_identifier(policy.name)} ON {quote_qualified(policy.schema, policy.table)}")]
