"""A catalog without what is in the database and not the project's."""

from collections.abc import Sequence
from fnmatch import fnmatchcase

from seedbed.postgres.catalog.dependencies import Catalog
from seedbed.postgres.catalog.model import CatalogObject, Constraint, Function, Index, Policy, Schema, Trigger
from seedbed.postgres.catalog.model import Sequence as SequenceObject
from seedbed.postgres.version_table import VERSION_TABLE, get_version_table_schema


def exclude_objects(catalog: Catalog, patterns: Sequence[str]) -> Catalog:
    """Leave out the schemas that a pattern names, and the tables and other objects that `schema.name` names, with all
    that is on them: indexes, constraints, triggers, policies and sequences of their columns.
    """
    kept = {key: found for key, found in catalog.objects.items() if not _named(found, patterns)}
    return Catalog(kept, catalog.direct_dependents, catalog.version)


def copy_ignored_objects(
    catalog: Catalog, found: Catalog, patterns: Sequence[str], version_table: str = VERSION_TABLE
) -> Catalog:
    """A catalog in which what the patterns name is as another has it: it is nobody's business to change it. So is a
    schema that is there for the version table alone.
    """
    left = {key: thing for key, thing in found.objects.items() if _named(thing, patterns)}
    key = ("schema", get_version_table_schema(version_table) or "")
    if key in found.objects and key not in catalog.objects:
        left[key] = found.objects[key]
    return Catalog({**exclude_objects(catalog, patterns).objects, **left}, catalog.direct_dependents, catalog.version)


def _named(found: CatalogObject, patterns: Sequence[str]) -> bool:
    if isinstance(found, Schema):
        return any(fnmatchcase(found.name, pattern) for pattern in patterns)
    names = [found.schema, f"{found.schema}.{_bare_name(found)}"]
    if isinstance(found, SequenceObject) and found.owned_by is not None:
        names.append(".".join(found.owned_by[:2]))
    return any(fnmatchcase(name, pattern) for name in names for pattern in patterns)


def _bare_name(found: CatalogObject) -> str:
    """The name of an object, or of the table that it is on; a function has none that a pattern could be for."""
    match found:
        case Constraint() | Index() | Trigger() | Policy():
            return found.table
        case Function():
            return ""
    return found.name
