"""Triggers created, dropped, enabled and disabled."""

from seedbed.migrations.diff.statement import Statement
from seedbed.postgres.catalog.model import Trigger
from seedbed.postgres.quoting import quote_identifier, quote_qualified

_ENABLED = {"O": "ENABLE", "D": "DISABLE", "R": "ENABLE REPLICA", "A": "ENABLE ALWAYS"}


def create(trigger: Trigger) -> list[Statement]:
    return [Statement(trigger.definition), *(set_firing_mode(trigger) if trigger.enabled != "O" else [])]


def drop(trigger: Trigger) -> list[Statement]:
    return [
        Statement(f"DROP TRIGGER {quote_identifier(trigger.name)} ON {quote_qualified(trigger.schema, trigger.table)}")
    ]


def alter(old: Trigger, new: Trigger) -> list[Statement] | None:
    return None if old.definition != new.definition else set_firing_mode(new)


def set_firing_mode(trigger: Trigger) -> list[Statement]:
    table = quote_qualified(trigger.schema, trigger.table)
    return [Statement(f"ALTER TABLE {table} {_ENABLED[trigger.enabled]} TRIGGER {quote_identifier(trigger.name)}")]
