"""The objects that a project ignores: left out of a catalog, or copied from another one."""

from collections.abc import Sequence
from fnmatch import fnmatchcase

from seedbed.postgres.catalog.dependencies import Catalog
from seedbed.postgres.catalog.model import CatalogObject, Constraint, Function, Index, Policy, Schema, Trigger
from seedbed.postgres.catalog.model import Sequence as SequenceObject
from seedbed.postgres.version_table import VERSION_TABLE, get_version_table_schema


def exclude_objects(catalog: Catalog, patterns: Sequence[str]) -> Catalog:
    """Leave out the schemas that a pattern matches, and the objects whose `schema.name` a pattern matches.

    The indexes, constraints, triggers, policies and owned sequences of a matching table are left out too.
    """
    kept = {key: obj for key, obj in catalog.objects.items() if not _matches(obj, patterns)}
    return Catalog(kept, catalog.direct_dependents, catalog.version)


def copy_ignored_objects(
    catalog: Catalog, found: Catalog, patterns: Sequence[str], version_table: str = VERSION_TABLE
) -> Catalog:
    """Replace a catalog's ignored objects by those of `found`, so that they never differ.

    A schema that `found` has only for the version table is copied too.
    """
    ignored = {key: obj for key, obj in found.objects.items() if _matches(obj, patterns)}
    key = ("schema", get_version_table_schema(version_table) or "")
    if key in found.objects and key not in catalog.objects:
        ignored[key] = found.objects[key]
    return Catalog(
        {**exclude_objects(catalog, patterns).objects, **ignored}, catalog.direct_dependents, catalog.version
    )


def _matches(obj: CatalogObject, patterns: Sequence[str]) -> bool:
    if isinstance(obj, Schema):
        return any(fnmatchcase(obj.name, pattern) for pattern in patterns)
    names = [obj.schema, f"{obj.schema}.{_find_relation_name(obj)}"]
    if isinstance(obj, SequenceObject) and obj.owned_by is not None:
        names.append(".".join(obj.owned_by[:2]))
    return any(fnmatchcase(name, pattern) for name in names for pattern in patterns)


def _find_relation_name(obj: CatalogObject) -> str:
    """The name of an object, or of the table that it belongs to; empty for functions, which patterns never match."""
    match obj:
        case Constraint() | Index() | Trigger() | Policy():
            return obj.table
        case Function():
            return ""
    return obj.name
