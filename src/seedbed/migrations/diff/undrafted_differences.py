"""What the migrations and the models differ in where the catalog model, and so a draft, does not look."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from seedbed.postgres.catalog.system_diff import find_system_differences
from seedbed.postgres.catalog.system_rows import SystemRows, read_system_rows
from seedbed.postgres.version_table import VERSION_TABLE, build_version_table_pattern, get_version_table_schema


@dataclass(frozen=True)
class UndraftedCheck:
    """The system catalogs' rows before a change and as the models make them.

    `ignored` are the project's patterns of what is not its own. With `allowed`, a draft may leave differences behind,
    and names them.
    """

    before: SystemRows
    after: SystemRows
    ignored: Sequence[str] = ()
    version_table: str = VERSION_TABLE
    is_allowed: bool = False

    def find_undrafted(self, connection: Connection) -> list[str]:
        """Differences between a database whose catalog equals the models', and the models."""
        return [str(difference) for difference in find_system_differences(self._read(connection), self.after)]

    def find_lost_properties(self, connection: Connection) -> list[str]:
        """What a database that was taken up and down again lacks of what it had, by object and property."""
        return [
            f"{difference.attribute} of {difference.object}" if difference.attribute else difference.object
            for difference in find_system_differences(self._read(connection), self.before)
        ]

    def _read(self, connection: Connection) -> SystemRows:
        return read_project_rows(connection, self.ignored, self.version_table)


def read_project_rows(
    connection: Connection, ignored: Sequence[str] = (), version_table: str = VERSION_TABLE
) -> SystemRows:
    """The system catalogs' rows about what is the project's own; the version table and its schema are not."""
    rows = read_system_rows(connection, [*ignored, build_version_table_pattern(version_table)])
    schema = get_version_table_schema(version_table)
    return rows if schema is None else {name: row for name, row in rows.items() if name != f"schema {schema}"}
