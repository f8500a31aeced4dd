"""The user's schema, loaded and described."""

from seedbed.modelling.loading import Schema, failing_place, import_from_root, load_schema

__all__ = ["Schema", "failing_place", "import_from_root", "load_schema"]
