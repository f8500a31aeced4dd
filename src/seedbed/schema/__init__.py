"""The project's schema: load it, and declare what SQLAlchemy's models cannot express.

Models use `declare` for objects besides tables, `hint` for what a draft cannot know, and `Pii` for personal data.
"""

from seedbed.schema.declarations import Pii, declare, hint
from seedbed.schema.loader import (
    Schema,
    describe_exception,
    find_failing_line,
    format_location,
    import_from_root,
    load_schema,
    redirect_stdout_to_stderr,
)
from seedbed.schema.unregistered_tables import UnregisteredTable, find_unregistered

__all__ = [
    "Pii",
    "Schema",
    "UnregisteredTable",
    "declare",
    "describe_exception",
    "find_failing_line",
    "find_unregistered",
    "format_location",
    "hint",
    "import_from_root",
    "load_schema",
    "redirect_stdout_to_stderr",
]
