"""What a database holds, read from pg_catalog and compared."""

from seedbed.postgres.catalog.dependencies import Catalogue
from seedbed.postgres.catalog.diff import Difference, differences
from seedbed.postgres.catalog.filters import keeping, without
from seedbed.postgres.catalog.model import Key, Object
from seedbed.postgres.catalog.reader import read_catalogue

__all__ = ["Catalogue", "Difference", "Key", "Object", "differences", "keeping", "read_catalogue", "without"]
