"""Tables that would be dropped, or are missing, because nothing imports their classes."""

from collections.abc import Collection

from seedbed.errors import UnregisteredTableDrop
from seedbed.migrations.history.revisions import find_script_directory
from seedbed.postgres.catalog import Catalog
from seedbed.postgres.quoting import display_name
from seedbed.schema import Schema, UnregisteredTable, find_unregistered
from seedbed.settings import Project


def find_unregistered_tables(project: Project, schema: Schema) -> list[UnregisteredTable]:
    """Find table classes of the project that its schema lacks; revisions may have classes of their own."""
    return find_unregistered(project, schema, excluded=[find_script_directory(project)])


def check_unregistered_drops(
    project: Project, schema: Schema, before: Catalog, after: Catalog, intended: Collection[str] = ()
) -> None:
    """Check that no table is dropped whose class is still in the project's files, unless the drop is `intended`.

    Raises:
        UnregisteredTableDrop: with the table, and the line that registers its class.
    """
    kept_names = {display_name(table.schema, table.name) for table in after.tables()}
    dropped_names = {display_name(table.schema, table.name) for table in before.tables()} - kept_names - set(intended)
    if not dropped_names:
        return
    for table in find_unregistered_tables(project, schema):
        for name in sorted(dropped_names & table.table_names):
            raise UnregisteredTableDrop(name, table.location, table.reason, table.remedy)
