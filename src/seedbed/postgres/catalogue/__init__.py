"""What a database holds, read from pg_catalog and compared."""

from seedbed.postgres.catalogue.differences import Difference, differences
from seedbed.postgres.catalogue.leaving_out import keeping, without
from seedbed.postgres.catalogue.model import Key, Object
from seedbed.postgres.catalogue.needing import Catalogue
from seedbed.postgres.catalogue.reading import read_catalogue

__all__ = ["Catalogue", "Difference", "Key", "Object", "differences", "keeping", "read_catalogue", "without"]
