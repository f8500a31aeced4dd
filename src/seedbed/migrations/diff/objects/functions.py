"""Functions, procedures and aggregates created, replaced and dropped."""

from seedbed.migrations.diff.statement import Statement
from seedbed.postgres.catalog.model import Function
from seedbed.postgres.quoting import quote_identifier


def create(function: Function) -> list[Statement]:
    if function.kind == "AGGREGATE":
        return [Statement(f"CREATE AGGREGATE {quote_signature(function)} ({function.definition})")]
    return [Statement(function.definition.strip().replace("CREATE OR REPLACE ", "CREATE ", 1))]


def drop(function: Function) -> list[Statement]:
    return [Statement(f"DROP {function.kind} {quote_signature(function)}")]


def replace_function(old: Function, new: Function) -> list[Statement] | None:
    """Replace a function, or None where PostgreSQL requires dropping it: for another result type, or a removed
    default.
    """
    has_same_result = (old.kind, old.result) == (new.kind, new.result) and new.kind != "AGGREGATE"
    old_header, new_header = old.definition.split("\n", 1)[0], new.definition.split("\n", 1)[0]
    if not has_same_result or (" DEFAULT " in old_header and old_header != new_header):
        return None
    return [Statement(new.definition.strip())]


def quote_signature(function: Function) -> str:
    """The name with its argument types, for DROP and GRANT."""
    return (
        function.signature
        if function.schema == "public"
        else f"{quote_identifier(function.schema)}.{function.signature}"
    )
