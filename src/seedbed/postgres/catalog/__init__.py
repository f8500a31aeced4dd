"""What a database holds, read from pg_catalog and compared."""

from seedbed.postgres.catalog.dependencies import Catalog
from seedbed.postgres.catalog.diff import Difference, find_differences
from seedbed.postgres.catalog.filters import copy_ignored_objects, exclude_objects
from seedbed.postgres.catalog.model import CatalogObject, ObjectKey
from seedbed.postgres.catalog.reader import read_catalog

__all__ = [
    "Catalog",
    "Difference",
    "ObjectKey",
    "CatalogObject",
    "find_differences",
    "copy_ignored_objects",
    "read_catalog",
    "exclude_objects",
]
