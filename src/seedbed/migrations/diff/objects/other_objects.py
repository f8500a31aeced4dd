"""Schemas, extensions, views, triggers, collations, rules and statistics objects created and dropped."""

from seedbed.migrations.diff.statement import Statement
from seedbed.postgres.catalog.model import Extension, OtherObject, Schema, Trigger, View
from seedbed.postgres.quoting import quote_identifier, quote_qualified

Standalone = Schema | Extension | View | Trigger | OtherObject

_FIRING_MODES = {"O": "ENABLE", "D": "DISABLE", "R": "ENABLE REPLICA", "A": "ENABLE ALWAYS"}


def create(obj: Standalone) -> list[Statement]:
    match obj:
        case Schema():
            return [Statement(f"CREATE SCHEMA {quote_identifier(obj.name)}")]
        case Extension():
            schema_clause = "" if obj.schema == "public" else f" SCHEMA {quote_identifier(obj.schema)}"
            return [Statement(f"CREATE EXTENSION {quote_identifier(obj.name)}{schema_clause}")]
        case View():
            options = f" WITH ({', '.join(obj.options)})" if obj.options else ""
            definition = obj.definition.strip().removesuffix(";")
            view = quote_qualified(obj.schema, obj.name)
            return [Statement(f"CREATE {_view_type(obj)} {view}{options} AS\n {definition}")]
        case Trigger():
            return [Statement(obj.definition), *(set_firing_mode(obj) if obj.enabled != "O" else [])]
        case OtherObject(kind="collation"):
            return [Statement(f"CREATE COLLATION {quote_qualified(obj.schema, obj.name)} {obj.definition}")]
        case OtherObject():
            return [Statement(obj.definition)]


def drop(obj: Standalone) -> list[Statement]:
    match obj:
        case Schema():
            return [Statement(f"DROP SCHEMA {quote_identifier(obj.name)}")]
        case Extension():
            return [Statement(f"DROP EXTENSION {quote_identifier(obj.name)}")]
        case View():
            return [Statement(f"DROP {_view_type(obj)} {quote_qualified(obj.schema, obj.name)}")]
        case Trigger():
            table = quote_qualified(obj.schema, obj.table)
            return [Statement(f"DROP TRIGGER {quote_identifier(obj.name)} ON {table}")]
        case OtherObject(kind="rule"):
            table, _, rule = obj.name.partition(".")
            return [Statement(f"DROP RULE {quote_identifier(rule)} ON {quote_qualified(obj.schema, table)}")]
        case OtherObject():
            return [Statement(f"DROP {obj.kind.upper()} {quote_qualified(obj.schema, obj.name)}")]


def alter_trigger(old: Trigger, new: Trigger) -> list[Statement] | None:
    """Set a trigger's firing mode, or None where its definition changes, so that it must be rebuilt."""
    return None if old.definition != new.definition else set_firing_mode(new)


def set_firing_mode(trigger: Trigger) -> list[Statement]:
    table = quote_qualified(trigger.schema, trigger.table)
    return [Statement(f"ALTER TABLE {table} {_FIRING_MODES[trigger.enabled]} TRIGGER {quote_identifier(trigger.name)}")]


def _view_type(view: View) -> str:
    return "MATERIALIZED VIEW" if view.materialized else "VIEW"
