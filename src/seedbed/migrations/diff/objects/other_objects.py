"""Schemas, extensions, collations, rules and statistics objects created and dropped."""

from seedbed.migrations.diff.statement import Statement
from seedbed.postgres.catalog.model import Extension, OtherObject, Schema
from seedbed.postgres.quoting import quote_identifier, quote_qualified


def create(obj: Schema | Extension | OtherObject) -> list[Statement]:
    match obj:
        case Schema():
            return [Statement(f"CREATE SCHEMA {quote_identifier(obj.name)}")]
        case Extension():
            schema_clause = "" if obj.schema == "public" else f" SCHEMA {quote_identifier(obj.schema)}"
            return [Statement(f"CREATE EXTENSION {quote_identifier(obj.name)}{schema_clause}")]
        case OtherObject(kind="collation"):
            return [Statement(f"CREATE COLLATION {quote_qualified(obj.schema, obj.name)} {obj.definition}")]
        case OtherObject():
            return [Statement(obj.definition)]


def drop(obj: Schema | Extension | OtherObject) -> list[Statement]:
    match obj:
        case Schema():
            return [Statement(f"DROP SCHEMA {quote_identifier(obj.name)}")]
        case Extension():
            return [Statement(f"DROP EXTENSION {quote_identifier(obj.name)}")]
        case OtherObject(kind="rule"):
            table, _, rule = obj.name.partition(".")
            return [Statement(f"DROP RULE {quote_identifier(rule)} ON {quote_qualified(obj.schema, table)}")]
        case OtherObject():
            return [Statement(f"DROP {obj.kind.upper()} {quote_qualified(obj.schema, obj.name)}")]
