"""The user's schema, loaded and described."""

from seedbed.modelling.hints import hint
from seedbed.modelling.loading import Schema, failing_place, import_from_root, in_words, load_schema, place_in
from seedbed.modelling.objects import declare
from seedbed.modelling.personal import Pii
from seedbed.modelling.unregistered import UnregisteredTable, find_unregistered

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
