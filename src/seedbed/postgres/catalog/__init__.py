"""What a database holds, read from pg_catalog and compared."""

from seedbed.postgres.catalog.dependencies import Catalog
from seedbed.postgres.catalog.diff import Difference, differences
from seedbed.postgres.catalog.filters import keeping, without
from seedbed.postgres.catalog.model import Key, Object
from seedbed.postgres.catalog.reader import read_catalog

__all__ = ["Catalog", "Difference", "Key", "Object", "differences", "keeping", "read_catalog", "without"]
