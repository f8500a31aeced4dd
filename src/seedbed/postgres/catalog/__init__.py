"""The catalog: the objects of a database, read from pg_catalog, and their comparison."""

from seedbed.postgres.catalog.catalog import Catalog, copy_ignored_objects, exclude_objects
from seedbed.postgres.catalog.diff import Difference, find_differences
from seedbed.postgres.catalog.model import CatalogObject, ObjectKey
from seedbed.postgres.catalog.reader import read_catalog

__all__ = [
    "Catalog",
    "CatalogObject",
    "Difference",
    "ObjectKey",
    "copy_ignored_objects",
    "exclude_objects",
    "find_differences",
    "read_catalog",
]
