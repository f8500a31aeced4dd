"""The user's schema, loaded and described."""

from seedbed.schema.declarations import declare
from seedbed.schema.hints import hint
from seedbed.schema.loader import Schema, failing_place, import_from_root, in_words, load_schema, place_in
from seedbed.schema.personal_data import Pii
from seedbed.schema.unregistered_tables import UnregisteredTable, find_unregistered

__all__ = [
    "Pii",
    "Schema",
    "UnregisteredTable",
    "declare",
    "failing_place",
    "find_unregistered",
    "hint",
    "import_from_root",
    "in_words",
    "load_schema",
    "place_in",
]
