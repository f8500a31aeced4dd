"""Compare the schema of a preview with the project's models."""

from dataclasses import dataclass

from seedbed.errors import NoShadowServer, PreviewSchemaMismatch
from seedbed.migrations.draft.draft import build_model_catalog
from seedbed.postgres.catalog import Difference, copy_ignored_objects, find_differences, read_catalog
from seedbed.postgres.connection import connect
from seedbed.postgres.database import Database
from seedbed.schema import load_schema
from seedbed.settings import Configuration

_TABLE_OBJECTS = ("column", "constraint", "trigger", "policy")
"""Types of objects that affect which rows a model's table accepts, even if no model declares them."""


@dataclass(frozen=True)
class ModelComparison:
    """The objects and privileges of a preview's database beyond the models; no query of a model uses them."""

    extra: tuple[str, ...]


def compare_with_models(configuration: Configuration, name: str, database: Database) -> ModelComparison | None:
    """Compare a preview's catalog with that of a temporary database created from the models.

    Everything that the models declare must exist as declared, and their tables may have nothing else except indexes.
    Other tables, functions and so on that no model describes, and additional privileges, are returned instead. Objects
    that the project ignores are left out. Return None where no server can hold the temporary database.

    Raises:
        PreviewSchemaMismatch: with the differences.
        SchemaBuildFailure: PostgreSQL refuses what the models declare.
    """
    project = configuration.project
    try:
        expected, _ = build_model_catalog(configuration, load_schema(project))
    except NoShadowServer:
        return None
    with connect(database) as connection:
        actual = read_catalog(connection, project.version_table)
    all_differences = find_differences(
        actual, copy_ignored_objects(expected, actual, project.ignore, project.version_table)
    )
    undeclared_tables = {
        difference.object.removeprefix("table ")
        for difference in all_differences
        if _is_unexpected(difference, "table")
    }
    extra = [difference for difference in all_differences if _is_extra(difference, undeclared_tables)]
    if mismatches := [str(difference) for difference in all_differences if difference not in extra]:
        raise PreviewSchemaMismatch(name, mismatches)
    return ModelComparison(
        tuple(difference.object if not difference.attribute else str(difference) for difference in extra)
    )


def _is_unexpected(difference: Difference, *object_types: str) -> bool:
    return difference.found == "not wanted" and not difference.attribute and difference.object.startswith(object_types)


def _is_extra(difference: Difference, unknown_tables: set[str]) -> bool:
    if difference.attribute == "privileges":
        return _split_privileges(difference.expected) <= _split_privileges(difference.found)
    if _is_unexpected(difference, *_TABLE_OBJECTS):
        return difference.object.rpartition(" of ")[2] in unknown_tables
    return _is_unexpected(difference, "")


def _split_privileges(privileges: str) -> set[str]:
    return set(privileges.split(", ")) - {"none"}
