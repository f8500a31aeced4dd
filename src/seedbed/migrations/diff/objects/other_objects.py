"""Schemas and extensions, and what is known by its definition alone: rules, collations, statistics objects."""

from seedbed.migrations.diff.statement import Statement
from seedbed.postgres.catalog.model import Extension, OtherObject, Schema
from seedbed.postgres.quoting import quote_identifier, quote_qualified


def create(found: Schema | Extension | OtherObject) -> list[Statement]:
    match found:
        case Schema():
            return [Statement(f"CREATE SCHEMA {quote_identifier(found.name)}")]
        case Extension():
            place = "" if found.schema == "public" else f" SCHEMA {quote_identifier(found.schema)}"
            return [Statement(f"CREATE EXTENSION {quote_identifier(found.name)}{place}")]
        case OtherObject(kind="collation"):
            return [Statement(f"CREATE COLLATION {quote_qualified(found.schema, found.name)} {found.definition}")]
        case OtherObject():
            return [Statement(found.definition)]


def drop(found: Schema | Extension | OtherObject) -> list[Statement]:
    match found:
        case Schema():
            return [Statement(f"DROP SCHEMA {quote_identifier(found.name)}")]
        case Extension():
            return [Statement(f"DROP EXTENSION {quote_identifier(found.name)}")]
        case OtherObject(kind="rule"):
            table, _, rule = found.name.partition(".")
            return [Statement(f"DROP RULE {quote_identifier(rule)} ON {quote_qualified(found.schema, table)}")]
        case OtherObject():
            return [Statement(f"DROP {found.kind.upper()} {quote_qualified(found.schema, found.name)}")]
