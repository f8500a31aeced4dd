"""The schema of a preview, compared with the project's models."""

from dataclasses import dataclass

from seedbed.errors import NoShadowServer, PreviewSchemaMismatch
from seedbed.migrations.draft.draft import build_model_catalog
from seedbed.postgres.catalog import Difference, find_differences, copy_ignored_objects, read_catalog
from seedbed.postgres.connection import connect
from seedbed.postgres.database import Database
from seedbed.schema import load_schema
from seedbed.settings import Configuration

_ON_A_TABLE = ("column", "constraint", "trigger", "policy")
"""Kinds of objects that change which rows a model's table accepts, even where no model names them."""


@dataclass(frozen=True)
class ModelComparison:
    """What a preview's database has beyond the models: objects and privileges that no query of a model meets."""

    extra: tuple[str, ...]


def compare_with_models(configuration: Configuration, name: str, database: Database) -> ModelComparison | None:
    """Compare a preview's catalog with that of a temporary database built from the models.

    Everything that the models declare must be there as they declare it, and nothing else may be on their tables except
    indexes. Tables, functions and so on that no model describes, and more privileges than declared, are returned
    instead. Objects that the project ignores are left out. Returns None where no server can hold the temporary
    database.

    Raises:
        PreviewSchemaMismatch: with the differences.
        SchemaBuildFailure: PostgreSQL refuses what the models declare.
    """
    project = configuration.project
    try:
        wanted, _ = build_model_catalog(configuration, load_schema(project))
    except NoShadowServer:
        return None
    with connect(database) as connection:
        found = read_catalog(connection, project.version_table)
    every = find_differences(found, copy_ignored_objects(wanted, found, project.ignore, project.version_table))
    unknown = {one.object.removeprefix("table ") for one in every if _is_unwanted(one, "table")}
    extra = [one for one in every if _is_extra(one, unknown)]
    if left := [str(one) for one in every if one not in extra]:
        raise PreviewSchemaMismatch(name, left)
    return ModelComparison(tuple(one.object if not one.attribute else str(one) for one in extra))


def _is_unwanted(difference: Difference, *kinds: str) -> bool:
    return difference.found == "not wanted" and not difference.attribute and difference.object.startswith(kinds)


def _is_extra(difference: Difference, unknown_tables: set[str]) -> bool:
    if difference.attribute == "privileges":
        return _words(difference.expected) <= _words(difference.found)
    if _is_unwanted(difference, *_ON_A_TABLE):
        return difference.object.rpartition(" of ")[2] in unknown_tables
    return _is_unwanted(difference, "")


def _words(shown: str) -> set[str]:
    return set(shown.split(", ")) - {"none"}
