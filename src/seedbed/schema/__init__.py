"""The user's schema, loaded and described."""

from seedbed.schema.declarations import declare
from seedbed.schema.hints import hint
from seedbed.schema.loader import Schema, find_failing_line, import_from_root, describe_exception, load_schema, format_location
from seedbed.schema.personal_data import Pii
from seedbed.schema.unregistered_tables import UnregisteredTable, find_unregistered

__all__ = [
    "Pii",
    "Schema",
    "UnregisteredTable",
    "declare",
    "find_failing_line",
    "find_unregistered",
    "hint",
    "import_from_root",
    "describe_exception",
    "load_schema",
    "format_location",
]
