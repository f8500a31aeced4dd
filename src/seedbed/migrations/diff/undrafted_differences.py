"""Differences in the system catalogs that the catalog model does not describe, so that a draft cannot make them."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from seedbed.postgres.catalog.diff import Difference
from seedbed.postgres.catalog.system_rows import SystemFacts, SystemRows, read_system_rows
from seedbed.postgres.version_table import VERSION_TABLE, build_version_table_pattern, get_version_table_schema

_COLUMN_WORDS = {
    "relreplident": "replica identity",
    "relowner": "owner",
    "proowner": "owner",
    "typowner": "owner",
    "nspowner": "owner",
    "relam": "access method",
    "reltablespace": "tablespace",
    "reloptions": "storage parameters",
    "relacl": "privileges",
    "relrowsecurity": "row level security",
    "relforcerowsecurity": "forced row level security",
    "attacl": "privileges",
    "attstorage": "storage",
    "attcompression": "compression",
    "attstattarget": "statistics target",
    "attoptions": "options",
    "attcollation": "collation",
    "adbin": "default",
    "proacl": "privileges",
    "typacl": "privileges",
    "nspacl": "privileges",
    "tgenabled": "enabled",
    "ev_enabled": "enabled",
    "evtenabled": "enabled",
    "indisclustered": "CLUSTER mark",
    "indisreplident": "replica identity",
    "conenforced": "enforced",
    "convalidated": "validated",
    "description": "comment",
    "extversion": "version",
    "defaclacl": "privileges",
}
"""Words for columns of the system catalogs; the others are shown by their names."""


def find_system_differences(found: SystemRows, expected: SystemRows) -> tuple[Difference, ...]:
    """The differences of `found` from `expected`, in a stable order."""
    result: list[Difference] = []
    for name in sorted({*found, *expected}):
        if name not in found or name not in expected:
            result.append(Difference(_strip_public(name), "", "missing" if name not in found else "not wanted", ""))
        else:
            result += _compare_facts(_strip_public(name), found[name], expected[name])
    return tuple(result)


def _compare_facts(name: str, found: SystemFacts, wanted: SystemFacts) -> list[Difference]:
    return [
        Difference(name, _COLUMN_WORDS.get(fact, fact), found.get(fact) or "none", wanted.get(fact) or "none")
        for fact in sorted({*found, *wanted})
        if found.get(fact) != wanted.get(fact)
    ]


def _strip_public(name: str) -> str:
    """A name without the schema `public`."""
    return name.replace(" public.", " ")


@dataclass(frozen=True)
class UndraftedCheck:
    """A comparison of the system catalogs' rows: those before a change, and those that the models lead to.

    `ignored` are the project's patterns of objects that are not its own. With `is_allowed`, a draft may leave
    differences, and names them.
    """

    before: SystemRows
    after: SystemRows
    ignored: Sequence[str] = ()
    version_table: str = VERSION_TABLE
    is_allowed: bool = False

    def find_undrafted(self, connection: Connection) -> list[str]:
        """Differences from the models that remain when the catalogs are equal."""
        return [str(difference) for difference in find_system_differences(self._read(connection), self.after)]

    def find_lost_properties(self, connection: Connection) -> list[str]:
        """Properties that a database lacks after an upgrade and a downgrade, with their objects."""
        return [
            f"{difference.attribute} of {difference.object}" if difference.attribute else difference.object
            for difference in find_system_differences(self._read(connection), self.before)
        ]

    def _read(self, connection: Connection) -> SystemRows:
        return read_project_rows(connection, self.ignored, self.version_table)


def read_project_rows(
    connection: Connection, ignored: Sequence[str] = (), version_table: str = VERSION_TABLE
) -> SystemRows:
    """Read the system catalogs' rows of the project's own objects, without the version table and its schema."""
    rows = read_system_rows(connection, [*ignored, build_version_table_pattern(version_table)])
    schema = get_version_table_schema(version_table)
    return rows if schema is None else {name: row for name, row in rows.items() if name != f"schema {schema}"}
