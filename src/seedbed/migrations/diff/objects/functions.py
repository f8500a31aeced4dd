"""Functions, procedures and aggregates."""

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
    """The function replaced, or None where PostgreSQL wants it dropped first: for another result, or a default less."""
    has_same_result = (old.kind, old.result) == (new.kind, new.result) and new.kind != "AGGREGATE"
    old_header, new_header = old.definition.split("\n", 1)[0], new.definition.split("\n", 1)[0]
    if not has_same_result or (" DEFAULT " in old_header and old_header != new_header):
        return None
    return [Statement(new.definition.strip())]


def quote_signature(function: Function) -> str:
    """The name with the arguments that tell it from others, as DROP and GRANT take it."""
    return (
        function.signature
        if function.schema == "public"
        else f"{quote_identifier(function.schema)}.{function.signature}"
    )
